import { useEffect, useState } from "preact/hooks";
import { look, nextTry, problems, reach, stuckCards } from "../state/live";

/** What is wrong with the service as a whole. */
export function Notices() {
  return (
    <div class="notices">
      {/* It is there from the start: screen readers hear of changes only in what they know. */}
      <div role="status">{reach.value === "down" && <Gone />}</div>
      {stuckCards.value.map((card) => (
        <p key={card.device} class="notice bad">
          <strong>Card {card.device} needs a reset.</strong> {card.reason} <code>{card.reset_with}</code>
        </p>
      ))}
      {problems.value.length > 0 && (
        <details class="notice warn">
          <summary>The model descriptor file was refused; the one before is in force.</summary>
          <ul>
            {problems.value.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Gone() {
  return (
    <div class="notice bad gone">
      <span>
        <strong>The service does not answer.</strong> This page connects again by itself.
      </span>
      <Countdown />
      <button type="button" class="quiet" onClick={look}>
        Try now
      </button>
    </div>
  );
}

// Not read aloud each second.
function Countdown() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.ceil((nextTry.value - now) / 1000));
  return <span aria-hidden="true">{left ? `in ${left} s` : "now"}</span>;
}
