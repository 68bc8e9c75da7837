import type { Conversation } from "./conversation";

// Pictures do not fit into localStorage.
const NAME = "axm1-llm";
const STORE = "conversations";

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const store = (await open()).transaction(STORE, mode).objectStore(STORE);
  return new Promise((resolve, reject) => {
    const asked = work(store);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

export const allKept = () => run("readonly", (store) => store.getAll() as IDBRequest<Conversation[]>);
export const keepOne = (conversation: Conversation) => run("readwrite", (store) => store.put(conversation));
export const forgetOne = (id: string) => run("readwrite", (store) => store.delete(id));
