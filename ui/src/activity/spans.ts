import type { State, Transition } from "../api/types";

/** A stretch of time in one state; `left` and `width` are parts of the shown time, 0 to 1. */
export interface Span {
  state: State;
  left: number;
  width: number;
  begun: number;
  ended: number;
}

/** What a model was in from `begin` to `end`, in milliseconds since the epoch. */
export function spansOf(transitions: readonly Transition[], now: State, begin: number, end: number): Span[] {
  const spans: Span[] = [];
  const add = (state: State, from: number, to: number) => {
    const [begun, ended] = [Math.max(from, begin), Math.min(to, end)];
    if (ended <= begun) return;
    const whole = end - begin;
    spans.push({ state, begun, ended, left: (begun - begin) / whole, width: (ended - begun) / whole });
  };
  let since = Number.NEGATIVE_INFINITY;
  for (const transition of transitions) {
    const at = Date.parse(transition.at);
    add(transition.from, since, at);
    since = at;
  }
  add(transitions.at(-1)?.to ?? now, since, end);
  return spans;
}
