import { Markdown } from "../markdown/Markdown";
import type { Answering } from "../state/answering";
import { Thinking } from "./Thinking";
import { Waiting } from "./Waiting";

/** The answer that is being given. */
export function GrowingAnswer({ running }: { running: Answering }) {
  // To read it is to be drawn again when it changes.
  running.version.value;
  const { content, thinking, model = "" } = running.message;
  return (
    <article class="turn answer growing" aria-label={model} aria-busy="true">
      <p class="who">{model}</p>
      {thinking && <Thinking text={thinking} isGoingOn={!content} />}
      {content ? <Markdown source={content} /> : !thinking && <Waiting model={model} />}
    </article>
  );
}
