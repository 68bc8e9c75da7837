import { signal } from "@preact/signals";

export const PLACES = ["chat", "models", "activity", "logs", "connect"] as const;
export type Place = (typeof PLACES)[number];

export interface Where {
  place: Place;
  model: string;
}

/** The place in the page and the model it is about, as the address has them: `#logs/qwen3`. */
export const where = signal<Where>(read());

export function addressIn(place: Place, model = ""): string {
  return model ? `#${place}/${encodeURIComponent(model)}` : `#${place}`;
}

export function go(place: Place, model = ""): void {
  location.hash = addressIn(place, model);
}

function read(): Where {
  const [place = "", model = ""] = location.hash.slice(1).split("/");
  const known = PLACES.find((each) => each === place) ?? "chat";
  return { place: known, model: decodeURIComponent(model) };
}

addEventListener("hashchange", () => {
  where.value = read();
});
