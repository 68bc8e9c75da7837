import { signal } from "@preact/signals";
import { abilitiesOf } from "../api/models";

const known = signal<ReadonlyMap<string, readonly string[]>>(new Map());
const asked = new Set<string>();

/** What a model can do; asked for once, and nothing until the service has said. */
export function abilities(model: string): readonly string[] {
  if (model && !asked.has(model)) {
    asked.add(model);
    abilitiesOf(model)
      .then((found) => {
        known.value = new Map(known.value).set(model, found);
      })
      .catch(() => asked.delete(model));
  }
  return known.value.get(model) ?? [];
}
