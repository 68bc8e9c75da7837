import { useEffect, useState } from "preact/hooks";
import { answering } from "../state/answering";
import { current } from "../state/conversations";

const MOST = 1000;

/** Tells a screen reader that an answer begins, and the answer once it is whole: never token by token. */
export function Announcer() {
  const [text, setText] = useState("");
  const isRunning = answering.value !== null;
  const last = current.value.messages.at(-1);
  const answer = last?.role === "assistant" ? last.error || last.content : "";
  const [wasRunning, setWasRunning] = useState(false);
  useEffect(() => {
    if (isRunning) setText("The model is answering.");
    else if (wasRunning) setText(answer.length > MOST ? `${answer.slice(0, MOST)}…` : answer);
    setWasRunning(isRunning);
  }, [isRunning]);
  return (
    <div class="unseen" role="status" aria-live="polite">
      {text}
    </div>
  );
}
