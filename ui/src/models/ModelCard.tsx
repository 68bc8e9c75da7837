import type { ModelStatus } from "../api/types";
import { Badge } from "../shell/Badge";
import { distance } from "../state/format";
import { lookedAt } from "../state/live";
import { addressIn } from "../state/page";
import { Abilities } from "./Abilities";
import { Doing } from "./Doing";
import { Facts } from "./Facts";
import { LoadButtons } from "./LoadButtons";

export function ModelCard({ status }: { status: ModelStatus }) {
  const { model } = status;
  return (
    <li class="card" data-model={model}>
      <div class="head">
        <h2 title={model}>{model}</h2>
        <Badge state={status.status} />
      </div>
      <p class="muted since">
        for {distance(status.since, lookedAt.value)}
        <Abilities model={model} />
      </p>
      <Doing status={status} />
      <Facts status={status} />
      <div class="foot">
        <LoadButtons status={status} />
        <span class="gap" />
        <a href={addressIn("chat", model)} aria-label={`Chat with ${model}`}>
          Chat
        </a>
        <a href={addressIn("logs", model)} aria-label={`Logs of ${model}`}>
          Logs
        </a>
      </div>
    </li>
  );
}
