import type { ModelStatus } from "../api/types";
import { WORDS } from "../state/words";

/** How far a model that is on its way has come. */
export function loadingText({ status, progress }: ModelStatus): string {
  if (status !== "initializing" || !progress) return `${WORDS[status]}…`;
  if (progress.layer !== null) return `Loading layer ${progress.layer} of ${progress.layers}`;
  return progress.stage ? `Loading: ${progress.stage}` : "Loading…";
}
