import type { ModelStatus, State } from "../api/types";
import { Bar } from "../shell/Bar";
import { seconds, speed } from "../state/format";
import { isComing } from "../state/words";
import { loadingText } from "./loadingText";

/** What a model does right now: one line and one bar, whose place is kept while there is nothing. */
export function Doing({ status }: { status: ModelStatus }) {
  if (status.status === "failed" && status.failure) return <Failure status={status} />;
  const percent = isComing(status.status) ? (status.progress?.percent ?? 0) : null;
  return (
    <div class="doing">
      <p class={status.status === "idle" ? "muted" : ""}>{textOf(status)}</p>
      {percent === null ? (
        <div class="bar none" />
      ) : (
        <Bar percent={percent} label={`Loading ${status.model}`} />
      )}
    </div>
  );
}

const RESTS: Partial<Record<State, string>> = {
  idle: "The next request loads it",
  ready: "Waits for a prompt",
  stopping: "Leaves the card",
};

function textOf(status: ModelStatus): string {
  if (isComing(status.status)) return loadingText(status);
  const { prompt } = status;
  if (!prompt) return RESTS[status.status] ?? "";
  if (prompt.phase === "prefill")
    return `Reads ${prompt.prompt_tokens} tokens, for ${seconds(prompt.seconds)}`;
  const rate = prompt.tokens_per_second;
  return `${prompt.generated_tokens} tokens${rate === null ? "" : `, ${speed(rate)}`}`;
}

function Failure({ status: { failure } }: { status: ModelStatus }) {
  return (
    <div class="doing failure">
      <p class="error">{failure?.reason}</p>
      {failure && failure.log.length > 0 && (
        <details>
          <summary>The runtime's last lines</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
          <pre tabIndex={0}>{failure.log.join("\n")}</pre>
        </details>
      )}
    </div>
  );
}
