// Runs what a client's user does, one scenario after the other, and prints what came of each: a JSON line.

import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

export const url = process.env.SERVICE_URL;
export const load = createRequire(`${process.env.CLIENTS}/package.json`);

export const weather = {
  type: "object",
  properties: { city: { type: "string", description: "Name of the city" } },
  required: ["city"],
};
export const facts = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
};
export const tool = {
  type: "function",
  function: { name: "get_weather", description: "Weather", parameters: weather },
};
export const said = (text) => [{ role: "user", content: text }];

export async function run(scenarios) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    const begin = performance.now();
    const outcome = { scenario: name };
    try {
      outcome.result = (await scenario()) ?? null;
    } catch (error) {
      outcome.trace = String(error?.stack ?? error);
    }
    outcome.seconds = (performance.now() - begin) / 1000;
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
}

export async function refusal(call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    return { kind: error.constructor.name, text: error.message, status: error.status ?? error.status_code };
  }
  throw new Error(`it was not refused: ${JSON.stringify(answer)}`);
}

// How long the model goes on after its client has left; at most ten seconds.
export async function secondsUntilReady(model) {
  const begin = performance.now();
  for (;;) {
    const status = await (await fetch(`${url}/api/status/${model}`)).json();
    const seconds = (performance.now() - begin) / 1000;
    if (status.status === "ready") return seconds;
    if (seconds > 10) throw new Error(`${model} is still at work: ${JSON.stringify(status)}`);
    await pause(20);
  }
}
