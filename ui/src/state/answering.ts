import { batch, type Signal, signal } from "@preact/signals";
import { chat, type Turn } from "../api/chat";
import { isAbort, said } from "../api/http";
import type { ChatLine } from "../api/types";
import { learnAbilities } from "./abilities";
import { type Conversation, type Figures, type Message, newId, titleOf } from "./conversation";
import { find, put } from "./conversations";
import { Drawing } from "./drawing";
import { expect, look } from "./live";

/** An answer that is being given. Its texts grow with each token; `version` only once a frame. */
export interface Answering {
  conversation: string;
  message: Message;
  abort: AbortController;
  version: Signal<number>;
}

export const answering = signal<Answering | null>(null);
/** The answer that was given last since the page was opened. */
export const finished = signal<Message | null>(null);

export interface Draft {
  text: string;
  images: string[];
}

/**
 * Ask the conversation's model; a draft is the user's next turn, without one the last turn is asked again.
 * `think` is the user's wish, for a model that can.
 */
export async function ask(conversation: Conversation, draft: Draft | null, think: boolean): Promise<void> {
  if (answering.value) return;
  const asked = draft ? withTurn(conversation, draft) : withoutAnswer(conversation);
  put(asked);
  const running: Answering = {
    conversation: asked.id,
    message: { id: newId(), role: "assistant", content: "", thinking: "", model: asked.model },
    abort: new AbortController(),
    version: signal(0),
  };
  answering.value = running;
  expect(); // what the model does is shown until the first token comes
  const message = await answer(running, asked, think);
  batch(() => {
    answering.value = null;
    finished.value = message;
    const now = find(asked.id);
    if (now) put({ ...now, messages: [...now.messages, message] });
  });
  look();
}

export function stop(): void {
  answering.value?.abort.abort();
}

async function answer(running: Answering, asked: Conversation, think: boolean): Promise<Message> {
  const { message } = running;
  const drawing = new Drawing(() => running.version.value++);
  let isWhole = false;
  try {
    // Whoever sends before the service has said what the model can do is to get the same answer: it is waited for.
    const thinks = (await learnAbilities(asked.model)).includes("thinking");
    const body = { model: asked.model, messages: asked.messages.map(turnOf), ...(thinks && { think }) };
    for await (const line of chat(body, running.abort.signal)) {
      if (line.error) throw new Error(line.error);
      message.content += line.message?.content ?? "";
      message.thinking += line.message?.thinking ?? "";
      if (line.done) {
        isWhole = true;
        finish(message, line);
      }
      drawing.want();
    }
    if (!isWhole) message.error = "The answer broke off: the service closed the connection.";
  } catch (error) {
    if (isAbort(error) || running.abort.signal.aborted) message.cut = "stopped";
    else message.error = message.content ? `The answer broke off. ${said(error)}` : said(error);
  }
  if (!message.thinking) delete message.thinking;
  return message;
}

function finish(message: Message, line: ChatLine): void {
  message.figures = figuresOf(line);
  if (line.done_reason === "length") message.cut = "length";
}

const NS = 1e9;

function figuresOf(line: ChatLine): Figures {
  const tokens = line.eval_count ?? 0;
  const decode = (line.eval_duration ?? 0) / NS;
  return {
    promptTokens: line.prompt_eval_count ?? 0,
    tokens,
    tokensPerSecond: tokens > 1 && decode > 0 ? tokens / decode : null,
    firstToken: (line.prompt_eval_duration ?? 0) / NS,
    load: (line.load_duration ?? 0) / NS,
  };
}

function withTurn(conversation: Conversation, { text, images }: Draft): Conversation {
  const turn: Message = { id: newId(), role: "user", content: text, ...(images.length && { images }) };
  return {
    ...conversation,
    title: conversation.title || titleOf(text),
    messages: [...conversation.messages, turn],
  };
}

function withoutAnswer(conversation: Conversation): Conversation {
  const last = conversation.messages.at(-1);
  const messages = last?.role === "assistant" ? conversation.messages.slice(0, -1) : conversation.messages;
  return { ...conversation, messages };
}

function turnOf({ role, content, images }: Message): Turn {
  return { role, content, ...(images && { images }) };
}
