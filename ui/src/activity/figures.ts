import { effect } from "@preact/signals";
import { request } from "../api/http";
import { lookedAt, models, reach } from "../state/live";
import { type Sample, samplesOf } from "./exposition";
import { Series } from "./series";

export const speeds = new Series();
export const queues = new Series();
export const firstTokens = new Series();
export const temperatures = new Series();
export const loads = new Series();

// The card itself is asked at most that often.
const PAUSE = 5000;
const SUM = "axm1_llm_time_to_first_token_seconds_sum";
const COUNT = "axm1_llm_time_to_first_token_seconds_count";
const TEMPERATURE = "axm1_llm_card_temperature_celsius";
const LOAD = "axm1_llm_card_npu_utilization_ratio";
const WANTED = new Set([SUM, COUNT, TEMPERATURE, LOAD]);

/** Collect what the status tells anyway, as long as the page is open. */
export function collect(): void {
  effect(() => {
    if (lookedAt.value) takeStatus(lookedAt.value);
  });
}

/** Ask for the metrics too, until the returned function is called; never while the tab is hidden. */
export function askMetrics(): () => void {
  let timer = 0;
  const ask = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    if (reach.peek() === "up") await takeMetrics().catch(() => undefined);
    timer = window.setTimeout(ask, PAUSE);
  };
  ask();
  document.addEventListener("visibilitychange", ask);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", ask);
  };
}

function takeStatus(time: number): void {
  const all = models.peek();
  speeds.add(time, new Map(all.map((each) => [each.model, each.prompt?.tokens_per_second ?? null])));
  queues.add(time, new Map(all.map((each) => [each.model, each.queue_length])));
}

async function takeMetrics(): Promise<void> {
  const samples = samplesOf(await (await request("/metrics")).text(), WANTED);
  const now = Date.now();
  firstTokens.add(now, meansOf(samples));
  temperatures.add(now, byDevice(samples, TEMPERATURE, 1));
  loads.add(now, byDevice(samples, LOAD, 100));
}

const before = new Map<string, { sum: number; count: number }>();

/** The mean time to first token of the prompts since the last look; nothing where there were none. */
function meansOf(samples: Sample[]): Map<string, number | null> {
  const means = new Map<string, number | null>();
  for (const { labels, value: count } of samples.filter((each) => each.name === COUNT)) {
    const model = labels.model ?? "";
    const sum = samples.find((each) => each.name === SUM && each.labels.model === model)?.value ?? 0;
    const last = before.get(model);
    const isNew = last !== undefined && count > last.count;
    means.set(model, isNew ? (sum - last.sum) / (count - last.count) : null);
    before.set(model, { sum, count });
  }
  return means;
}

function byDevice(samples: Sample[], name: string, scale: number): Map<string, number> {
  const found = samples.filter((each) => each.name === name);
  return new Map(found.map((each) => [`card ${each.labels.device}`, each.value * scale]));
}
