import { segment } from "./address";
import { getJson, postJson, request } from "./http";
import type { Transition } from "./types";

export async function load(model: string): Promise<void> {
  await request(`/api/models/${segment(model)}/load`, { method: "POST" });
}

export async function unload(model: string): Promise<void> {
  await request(`/api/models/${segment(model)}/unload`, { method: "POST" });
}

export async function transitionsOf(model: string): Promise<Transition[]> {
  const answer = await getJson<{ transitions: Transition[] }>(`/api/status/${segment(model)}/history`);
  return answer.transitions;
}

/** What a model can do, in Ollama's words: completion, thinking, vision and so on. */
export async function abilitiesOf(model: string): Promise<string[]> {
  const answer = (await (await postJson("/api/show", { model })).json()) as { capabilities?: string[] };
  return answer.capabilities ?? [];
}
