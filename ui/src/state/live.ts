import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, getJson, Unreachable } from "../api/http";
import { key } from "../api/key";
import type { ModelStatus, StatusAnswer, StuckCard } from "../api/types";
import { isResting } from "./words";

/** How the service is reached: `key` means that it asks for one. */
export type Reach = "connecting" | "up" | "down" | "key";

export const reach = signal<Reach>("connecting");
export const models = signal<ModelStatus[]>([]);
export const stuckCards = signal<StuckCard[]>([]);
export const problems = signal<string[]>([]);
/** When it is looked for again, in milliseconds since the epoch, while it is down. */
export const nextTry = signal(0);
/** When the models were looked at last. */
export const lookedAt = signal(0);

export const isBusy = computed(() => models.value.some((each) => !isResting(each.status)));

// Milliseconds. At rest nothing changes but by somebody else, who can wait.
const BUSY = 1000;
const RESTING = 5000;
const PATIENCE = 8000;
const SOON = 150;
const HURRY = 4000;
const AGAIN = [1000, 2000, 3000, 5000];

let timer = 0;
let looking = false;
let failures = 0;
let hurryUntil = 0;

/** Look at the models now, and from then on as often as needed; never while the tab is hidden. */
export async function look(): Promise<void> {
  if (looking) return;
  clearTimeout(timer);
  if (document.hidden) return;
  looking = true;
  try {
    const answer = await getJson<StatusAnswer>("/api/status", { signal: AbortSignal.timeout(PATIENCE) });
    take(answer);
  } catch (error) {
    refuse(error);
    // A defect of the page is none of the service's: it shows where developers look.
    if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
  } finally {
    looking = false;
  }
}

/** Look often for a while: something was asked for that will show soon. */
export function expect(): void {
  hurryUntil = Date.now() + HURRY;
  again(SOON);
}

function take(answer: StatusAnswer): void {
  failures = 0;
  batch(() => {
    models.value = answer.models;
    stuckCards.value = answer.stuck_cards;
    problems.value = answer.descriptor?.problems ?? [];
    lookedAt.value = Date.now();
    reach.value = "up";
  });
  const changes = isBusy.value || Date.now() < hurryUntil;
  again(changes ? BUSY : RESTING);
}

function refuse(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) {
    reach.value = "key";
    return;
  }
  const pause = AGAIN[Math.min(failures++, AGAIN.length - 1)] ?? BUSY;
  nextTry.value = Date.now() + pause;
  reach.value = "down";
  again(pause);
}

function again(pause: number): void {
  clearTimeout(timer);
  timer = window.setTimeout(look, pause);
}

export function begin(): void {
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  // Also for a new key.
  effect(() => {
    key.value;
    look();
  });
}

export function statusOf(model: string): ModelStatus | undefined {
  return models.value.find((each) => each.model === model);
}
