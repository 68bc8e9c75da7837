import { loadingText } from "../models/loadingText";
import { Bar } from "../shell/Bar";
import { statusOf } from "../state/live";
import { isComing } from "../state/words";

/** What the model does until its first token comes. */
export function Waiting({ model }: { model: string }) {
  const status = statusOf(model);
  if (status && isComing(status.status)) {
    return (
      <div class="waiting">
        <p>{loadingText(status)}</p>
        <Bar percent={status.progress?.percent ?? 0} label={`Loading ${model}`} />
      </div>
    );
  }
  const others = status?.queue_length ?? 0;
  return (
    <p class="waiting">
      <span class="pulse" aria-hidden="true" />
      {others > 0 ? `Waiting in the queue (${others})` : "Reading the prompt"}
    </p>
  );
}
