/** What a model thought before its answer, folded; open while there is nothing else to read. */
export function Thinking({ text, isGoingOn = false }: { text: string; isGoingOn?: boolean }) {
  return (
    <details class="thinking" data-going={isGoingOn}>
      <summary>{isGoingOn ? "Thinking…" : "Thought"}</summary>
      <div class="thought">{text.trim()}</div>
    </details>
  );
}
