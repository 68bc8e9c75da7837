import { postJson } from "./http";
import { linesOf } from "./lines";
import type { ChatLine } from "./types";

export interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
  images?: string[];
}

/** The answer to a conversation line by line; an error in the stream is its last line. */
export async function* chat(
  body: { model: string; messages: Turn[]; think?: boolean },
  signal: AbortSignal,
): AsyncGenerator<ChatLine> {
  const response = await postJson("/api/chat", { ...body, stream: true }, signal);
  for await (const line of linesOf(response)) {
    if (line) yield JSON.parse(line) as ChatLine;
  }
}
