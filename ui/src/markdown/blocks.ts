import type { Token, Tokens } from "marked";
import { htmlOf, lex } from "./safe";

export type Block = { kind: "code"; language: string; text: string } | { kind: "html"; html: string };

/** A text that grows, as blocks. What can change no more is read once: a long answer costs no more per token. */
export class GrowingText {
  /** The blocks that stay as they are. */
  readonly settled: Block[] = [];
  #source = "";
  #open = 0;

  /** Take the whole text as it is now; gives the last block, which may still change. */
  grow(source: string): Block[] {
    const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
    if (!text.startsWith(this.#source.slice(0, this.#open))) this.#restart();
    this.#source = text;
    const tokens = lex(text.slice(this.#open));
    // A blank line does not end a list; what follows it does.
    const last = tokens.findLastIndex((token) => token.type !== "space");
    for (const token of tokens.slice(0, Math.max(last, 0))) {
      this.#open += token.raw.length;
      this.settled.push(...blockOf(token));
    }
    return last < 0 ? [] : blockOf(tokens[last] as Token);
  }

  #restart(): void {
    this.settled.length = 0;
    this.#open = 0;
  }
}

function blockOf(token: Token): Block[] {
  if (token.type === "space" || token.type === "def") return [];
  if (token.type !== "code") return [{ kind: "html", html: htmlOf(token) }];
  const { lang, text } = token as Tokens.Code;
  return [{ kind: "code", language: lang?.split(/\s/)[0] ?? "", text }];
}
