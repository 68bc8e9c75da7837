import { signal } from "@preact/signals";

const PLACE = "axm1-api-key";

/** The API key; kept until the tab is closed. */
export const key = signal(sessionStorage.getItem(PLACE) ?? "");

export function keep(value: string): void {
  key.value = value;
  if (value) sessionStorage.setItem(PLACE, value);
  else sessionStorage.removeItem(PLACE);
}
