import { signal } from "@preact/signals";
import { abilitiesOf } from "../api/models";

const known = signal<ReadonlyMap<string, readonly string[]>>(new Map());
const asked = new Map<string, Promise<readonly string[]>>();

/** What a model can do; nothing until the service has said. */
export function abilities(model: string): readonly string[] {
  if (model) learnAbilities(model);
  return known.value.get(model) ?? [];
}

/** The same once the service has said, which is asked once; nothing when it cannot be asked. */
export function learnAbilities(model: string): Promise<readonly string[]> {
  const before = asked.get(model);
  if (before) return before;
  const learning = abilitiesOf(model).then(
    (found) => {
      known.value = new Map(known.value).set(model, found);
      return found;
    },
    () => {
      asked.delete(model);
      return [];
    },
  );
  asked.set(model, learning);
  return learning;
}
