import { useEffect, useRef } from "preact/hooks";
import { keep, key } from "../api/key";
import { reach } from "../state/live";

/** Asks for the API key that the service wants. */
export function KeyForm() {
  const field = useRef<HTMLInputElement>(null);
  const wasRefused = key.value !== "";
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="panel key"
      onSubmit={(event) => {
        event.preventDefault();
        const given = field.current?.value.trim() ?? "";
        if (!given) return;
        if (given === key.value) keep("");
        reach.value = "connecting";
        keep(given);
      }}
    >
      <h1>This service wants an API key</h1>
      <p class="muted">
        It is the one that was set with <code>--api-key</code> or <code>AXM1_API_KEY</code>. This browser
        keeps it until the tab is closed.
      </p>
      <label for="key">API key</label>
      <div class="row">
        <input
          ref={field}
          id="key"
          type="password"
          autocomplete="off"
          aria-invalid={wasRefused}
          aria-describedby={wasRefused ? "key-refused" : undefined}
        />
        <button type="submit" class="primary">
          Go on
        </button>
      </div>
      {wasRefused && (
        <p id="key-refused" class="error" role="alert">
          The service did not take that key.
        </p>
      )}
    </form>
  );
}
