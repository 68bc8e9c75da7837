import { answering, finished } from "../state/answering";

const MOST = 1000;

/** Tells a screen reader that an answer begins, and the answer once it is whole: never token by token. */
export function Announcer() {
  const answer = finished.value?.error || finished.value?.content || "";
  const text = answer.length > MOST ? `${answer.slice(0, MOST)}…` : answer;
  return (
    <div class="unseen" role="status" aria-live="polite">
      {answering.value ? "The model is answering." : text}
    </div>
  );
}
