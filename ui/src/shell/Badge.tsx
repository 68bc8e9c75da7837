import type { State } from "../api/types";
import { WORDS } from "../state/words";

/** A model's state: a word, and a dot whose colour says it once more. */
export function Badge({ state }: { state: State }) {
  return (
    <span class="badge" data-state={state}>
      <span class="dot" aria-hidden="true" />
      {WORDS[state]}
    </span>
  );
}
