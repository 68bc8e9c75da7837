export interface Snippet {
  title: string;
  language: string;
  text: string;
  note?: string;
}

/** How to reach the service at `address` from elsewhere; `asksKey`: with an API key. */
export function snippets(address: string, model: string, asksKey: boolean): Snippet[] {
  const header = asksKey ? ` \\\n  -H "Authorization: Bearer $AXM1_API_KEY"` : "";
  const key = asksKey ? "the API key" : "anything, it is not looked at";
  return [
    {
      title: "curl, Ollama's API",
      language: "sh",
      text: `curl ${address}/api/chat${header} \\\n  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      title: "curl, OpenAI's API",
      language: "sh",
      text: `curl ${address}/v1/chat/completions${header} \\\n  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      title: "OpenAI SDK, Python",
      language: "python",
      text: `from openai import OpenAI

client = OpenAI(base_url="${address}/v1", api_key=${asksKey ? 'os.environ["AXM1_API_KEY"]' : '"none"'})
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`.replace(/^/, asksKey ? "import os\n\n" : ""),
    },
    {
      title: "Open WebUI",
      language: "sh",
      text: `docker run -d -p 3000:8080 -e OLLAMA_BASE_URL=${address} \\\n  -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main`,
      note: `Or in Settings, Connections, Ollama API: the URL is ${address}, the key is ${key}.`,
    },
    {
      title: "Home Assistant",
      language: "text",
      text: `Settings → Devices & services → Add integration → Ollama\nURL    ${address}\nModel  ${model}`,
      note: asksKey
        ? "Home Assistant asks for the API key too."
        : "Then choose it as the conversation agent of an assistant.",
    },
    {
      title: "Ollama's command line and SDKs",
      language: "sh",
      text: `${asksKey ? "export OLLAMA_API_KEY=$AXM1_API_KEY\n" : ""}export OLLAMA_HOST=${address}\nollama run ${model}`,
    },
  ];
}
