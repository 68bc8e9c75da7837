import type { ModelStatus } from "../api/types";
import { distance, megabytes } from "../state/format";
import { lookedAt } from "../state/live";

export function Facts({ status }: { status: ModelStatus }) {
  const cards = Object.entries(status.cmm_remaining_mb);
  const left = cards.map(([device, mb]) =>
    cards.length > 1 ? `${device}: ${megabytes(mb)}` : megabytes(mb),
  );
  return (
    <dl class="facts">
      <Fact term="Context" value={status.context_length ? `${status.context_length} tokens` : "–"} />
      <Fact term="CMM left" value={left.join(", ") || "–"} />
      <Fact term="Queue" value={String(status.queue_length)} />
      <Fact term="Stays" value={stayOf(status)} />
    </dl>
  );
}

function Fact({ term, value }: { term: string; value: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function stayOf({ expires_at: end }: ModelStatus): string {
  if (!end) return "–";
  const left = new Date(end).getTime() - lookedAt.value;
  return left > 365 * 86_400_000 ? "for good" : distance(end, lookedAt.value);
}
