/** What an answer cost, as the service measured it. */
export interface Figures {
  promptTokens: number;
  tokens: number;
  tokensPerSecond: number | null;
  /** Seconds from the prompt's start on the model to its first token. */
  firstToken: number;
  /** Seconds that loading the model took; 0 when it was loaded. */
  load: number;
}

export interface Message {
  id: string;
  role: "user" | "assistant";
  content: string;
  /** base64 JPEG, without the head of a data URL. */
  images?: string[];
  thinking?: string;
  model?: string;
  error?: string;
  /** It was not told to its end: `stopped` by the user, `length` by the context or a limit. */
  cut?: "stopped" | "length";
  figures?: Figures;
}

export interface Conversation {
  id: string;
  title: string;
  model: string;
  changed: number;
  messages: Message[];
}

const TITLE = 60;

export function newId(): string {
  // crypto.randomUUID is missing where the page comes over plain HTTP from another machine.
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
}

export function newConversation(model = ""): Conversation {
  return { id: newId(), title: "", model, changed: 0, messages: [] };
}

export function titleOf(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > TITLE ? `${line.slice(0, TITLE).trimEnd()}…` : line || "A picture";
}
