// The JavaScript client of OpenAI, as its own README uses it, pointed at the service.

import { facts, load, refusal, run, said, secondsUntilReady, tool, url, weather } from "./scenarios.mjs";

const { OpenAI } = load("openai");
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const chat = (model, text, more) =>
  client.chat.completions.create({ model, messages: said(text), ...more });

await run({
  models: async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return { ids, one: await client.models.retrieve("echo") };
  },

  realChat: async () => {
    const answer = await chat("smollm2:135m", "What is the capital of France?", { max_tokens: 40 });
    return { text: answer.choices[0].message.content, usage: answer.usage };
  },

  streams: async () => {
    const chunks = [];
    const more = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await chat("echo", "one two", more)) chunks.push(chunk);
    return {
      text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""),
      reasons: chunks.map((chunk) => chunk.choices[0]?.finish_reason ?? null).filter(Boolean),
      usage: chunks.at(-1).usage,
    };
  },

  tools: async () => {
    const messages = said("What is the weather in Paris?");
    const create = () => client.chat.completions.create({ model: "assistant", messages, tools: [tool] });
    const first = (await create()).choices[0];
    messages.push(first.message);
    for (const call of first.message.tool_calls)
      messages.push({ role: "tool", tool_call_id: call.id, content: "18 degrees" });
    const second = (await create()).choices[0];
    const calls = first.message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    return { reason: first.finish_reason, calls, answer: second.message.content };
  },

  toolRunner: async () => {
    const runner = client.chat.completions.runTools({
      model: "assistant",
      messages: said("What is the weather in Paris?"),
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "Weather",
            parameters: weather,
            parse: JSON.parse,
            function: ({ city }) => `18 degrees in ${city}`,
          },
        },
      ],
      stream: true,
    });
    return runner.finalContent();
  },

  structured: async () => {
    const schema = { name: "facts", schema: facts };
    const answer = await chat("assistant", "How warm is Paris?", {
      response_format: { type: "json_schema", json_schema: schema },
    });
    return JSON.parse(answer.choices[0].message.content);
  },

  responses: async () => {
    const whole = await client.responses.create({ model: "echo", input: "hello there" });
    const kinds = [];
    let text = "";
    for await (const event of await client.responses.create({ model: "echo", input: "abc", stream: true })) {
      kinds.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    return { whole: whole.output_text, text, first: kinds[0], last: kinds.at(-1) };
  },

  completions: async () => {
    const answer = await client.completions.create({ model: "echo", prompt: "say this", max_tokens: 3 });
    return { text: answer.choices[0].text, reason: answer.choices[0].finish_reason };
  },

  unknown: () => refusal(() => chat("nope", "x")),

  embeddings: () => refusal(() => client.embeddings.create({ model: "echo", input: "x" })),

  cancel: async () => {
    const stream = await chat("slow", "word ".repeat(200), { stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    stream.controller.abort();
    return { seconds: await secondsUntilReady("slow") };
  },
});
