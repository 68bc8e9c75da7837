import { signal } from "@preact/signals";
import { transitionsOf } from "../api/models";
import type { ModelStatus, Transition } from "../api/types";

/** The transitions of each model, the oldest first. */
export const histories = signal<ReadonlyMap<string, Transition[]>>(new Map());

const seen = new Map<string, string>();

/** Ask again for those whose state is another one than when they were asked for last. */
export function refresh(models: readonly ModelStatus[]): void {
  for (const { model, status, since } of models) {
    const mark = `${status} ${since}`;
    if (seen.get(model) === mark) continue;
    seen.set(model, mark);
    transitionsOf(model)
      .then((found) => {
        histories.value = new Map(histories.value).set(model, found);
      })
      .catch(() => seen.delete(model));
  }
}
