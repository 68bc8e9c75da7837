import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { Line } from "./useLog";

// What the vendor's program puts before a line that tells of something wrong.
const WRONG = /\[E\]|error|fail/i;
// Colours are for terminals.
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const ESCAPES = /\u001b\[[0-9;]*[A-Za-z]/g;

/** Lines of a log; each is made once. */
export function Lines({ lines }: { lines: readonly Line[] }) {
  const made = useRef(new WeakMap<Line, VNode>());
  const drawn = lines.map((line) => {
    const before = made.current.get(line);
    if (before) return before;
    const text = line.text.replace(ESCAPES, "");
    const node = (
      <div key={line.number} class={WRONG.test(text) ? "error" : undefined}>
        {text || " "}
      </div>
    );
    made.current.set(line, node);
    return node;
  });
  return <div class="lines">{drawn}</div>;
}
