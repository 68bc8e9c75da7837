import { batch, signal } from "@preact/signals";
import { type Conversation, newConversation } from "./conversation";
import { allKept, forgetOne, keepOne } from "./store";

/** All that are kept in this browser, the newest first. */
export const kept = signal<Conversation[]>([]);
/** The one that is shown; it is kept once it has a message. */
export const current = signal<Conversation>(newConversation());

export async function readKept(): Promise<void> {
  try {
    kept.value = (await allKept()).sort((one, other) => other.changed - one.changed);
  } catch {
    // A private window may have no storage: the chat works, and is gone with the tab.
  }
}

/** Put a new version of a conversation in its place, and keep it. */
export function put(conversation: Conversation): void {
  const changed = { ...conversation, changed: Date.now() };
  batch(() => {
    if (current.value.id === changed.id) current.value = changed;
    kept.value = [changed, ...kept.value.filter((each) => each.id !== changed.id)];
  });
  keepOne(changed).catch(() => undefined);
}

export function show(conversation: Conversation): void {
  current.value = conversation;
}

export function startNew(): void {
  current.value = newConversation(current.value.model);
}

export function forget(id: string): void {
  batch(() => {
    kept.value = kept.value.filter((each) => each.id !== id);
    if (current.value.id === id) startNew();
  });
  forgetOne(id).catch(() => undefined);
}

export function find(id: string): Conversation | undefined {
  return current.value.id === id ? current.value : kept.value.find((each) => each.id === id);
}
