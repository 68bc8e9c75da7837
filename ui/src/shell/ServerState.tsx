import { shownAddress } from "../api/address";
import { models, type Reach, reach } from "../state/live";
import { isComing } from "../state/words";

const WORDS: Record<Reach, string> = {
  connecting: "Connecting…",
  up: "Connected",
  down: "No answer",
  key: "Wants a key",
};

/** Whether the service is there, and what it has loaded. */
export function ServerState() {
  const loaded = models.value.filter(
    (each) => !["idle", "failed"].includes(each.status) && !isComing(each.status),
  );
  return (
    <div class="server" data-reach={reach.value}>
      <span class="dot" aria-hidden="true" />
      <span>
        <strong>{WORDS[reach.value]}</strong>
        <small>
          {reach.value === "up"
            ? `${loaded.length} of ${models.value.length} models loaded`
            : shownAddress.replace(/^https?:\/\//, "")}
        </small>
      </span>
    </div>
  );
}
