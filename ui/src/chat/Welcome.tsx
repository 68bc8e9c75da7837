import { models, reach } from "../state/live";
import { addressIn } from "../state/page";

export function Welcome() {
  return (
    <div class="welcome">
      <p class="big">What would you like to know?</p>
      {reach.value === "up" && models.value.length === 0 ? (
        <p>
          The service has no models yet: <a href={addressIn("models")}>describe one</a>.
        </p>
      ) : (
        <p class="muted">
          A model that is not loaded is loaded for your question. <kbd>Enter</kbd> sends, <kbd>Shift</kbd>{" "}
          <kbd>Enter</kbd> is a new line, <kbd>Esc</kbd> stops the answer.
        </p>
      )}
    </div>
  );
}
