import type { State } from "../api/types";

/** What people read for each state. */
export const WORDS: Record<State, string> = {
  idle: "Not loaded",
  waiting_for_card: "Waiting for room",
  waiting_for_tokenizer: "Tokenizer starts",
  starting: "Starting",
  initializing: "Loading",
  ready: "Ready",
  processing_prompt: "Reading prompt",
  outputting: "Answering",
  cancelling: "Stopping answer",
  stopping: "Unloading",
  failed: "Failed",
};

export const STATES = Object.keys(WORDS) as State[];

const RESTING: ReadonlySet<State> = new Set(["idle", "ready", "failed"]);
const COMING: ReadonlySet<State> = new Set([
  "waiting_for_card",
  "waiting_for_tokenizer",
  "starting",
  "initializing",
]);

/** Nothing changes by itself. */
export function isResting(state: State): boolean {
  return RESTING.has(state);
}

/** On its way to be ready. */
export function isComing(state: State): boolean {
  return COMING.has(state);
}

export function canLoad(state: State): boolean {
  return state === "idle" || state === "failed";
}

export function canUnload(state: State): boolean {
  return state !== "idle" && state !== "failed" && state !== "stopping";
}
