// The JavaScript client of Ollama, as its own README uses it.

import { facts, load, refusal, run, said, secondsUntilReady, tool, url } from "./scenarios.mjs";

const { Ollama } = load("ollama");
const client = new Ollama({ host: url });

await run({
  listing: async () =>
    (await client.list()).models.map((model) => ({
      name: model.name,
      model: model.model,
      modified: new Date(model.modified_at).getTime(),
    })),

  show: async () => {
    const shown = await client.show({ model: "assistant" });
    return { capabilities: shown.capabilities, info: shown.model_info };
  },

  realChat: async () => {
    const model = "smollm2:135m";
    const answer = await client.chat({ model, messages: said("What is the capital of France?") });
    return { text: answer.message.content, done: answer.done_reason };
  },

  streams: async () => {
    const parts = [];
    const stream = await client.chat({ model: "echo", messages: said("one two"), stream: true });
    for await (const part of stream) parts.push(part);
    return {
      text: parts.map((part) => part.message.content).join(""),
      done: parts.map((part) => part.done),
    };
  },

  generates: async () => {
    const parts = [];
    const stream = await client.generate({ model: "echo", prompt: "abc", stream: true });
    for await (const part of stream) parts.push(part.response);
    return parts;
  },

  tools: async () => {
    const messages = said("What is the weather in Paris?");
    const first = await client.chat({ model: "assistant", messages, tools: [tool] });
    messages.push(first.message);
    for (const call of first.message.tool_calls)
      messages.push({ role: "tool", content: "18 degrees", tool_name: call.function.name });
    const second = await client.chat({ model: "assistant", messages, tools: [tool] });
    return { calls: first.message.tool_calls.map((call) => call.function), answer: second.message.content };
  },

  structured: async () => {
    const messages = said("How warm is Paris?");
    const answer = await client.chat({ model: "assistant", messages, format: facts });
    return JSON.parse(answer.message.content);
  },

  thinking: async () => {
    const messages = said("What is 2 + 2?");
    const answer = await client.chat({ model: "thinker", messages, think: true });
    return answer.message;
  },

  unknown: async () => ({
    chat: await refusal(() => client.chat({ model: "nope", messages: said("x") })),
    stream: await refusal(() => client.chat({ model: "nope", messages: said("x"), stream: true })),
    show: await refusal(() => client.show({ model: "nope" })),
  }),

  embeddings: () => refusal(() => client.embed({ model: "echo", input: "x" })),

  keepAlive: async () => {
    const load = await client.generate({ model: "echo", prompt: "", keep_alive: "1h" });
    const { models } = await client.ps();
    const ends = new Date(models.find((model) => model.name === "echo:latest").expires_at).getTime();
    const unload = await client.generate({ model: "echo", prompt: "", keep_alive: 0 });
    const left = (await client.ps()).models.map((model) => model.name);
    return { load: load.done_reason, minutes: (ends - Date.now()) / 60000, unload: unload.done_reason, left };
  },

  copies: async () => {
    await client.copy({ source: "echo", destination: "mine" });
    const answer = await client.generate({ model: "mine", prompt: "hello" });
    await client.delete({ model: "mine" });
    return answer.response;
  },

  version: async () => (await client.version()).version,

  cancel: async () => {
    const stream = await client.chat({ model: "slow", messages: said("word ".repeat(200)), stream: true });
    try {
      for await (const part of stream) if (part.message.content) client.abort();
    } catch (error) {
      return { kind: error.name, seconds: await secondsUntilReady("slow") };
    }
    throw new Error("it was not cancelled");
  },
});
