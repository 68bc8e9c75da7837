import { useRef } from "preact/hooks";
import { DownIcon } from "../shell/icons";
import { answering } from "../state/answering";
import { current } from "../state/conversations";
import { Announcer } from "./Announcer";
import { AnswerView } from "./AnswerView";
import { useFollowing } from "./following";
import { GrowingAnswer } from "./GrowingAnswer";
import { QuestionView } from "./QuestionView";
import { Welcome } from "./Welcome";

/** The conversation, which follows the answer as it grows unless somebody scrolls up. */
export function Messages({ onAgain }: { onAgain: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const { id, messages } = current.value;
  const running = answering.value?.conversation === id ? answering.value : null;
  const { isAtEnd, toEnd } = useFollowing(box, `${id} ${messages.length}`);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div ref={box} class="messages" tabIndex={0} role="region" aria-label="Conversation">
      <div class="column">
        {messages.length === 0 && !running && <Welcome />}
        {messages.map((message, index) =>
          message.role === "user" ? (
            <QuestionView key={message.id} message={message} />
          ) : (
            <AnswerView
              key={message.id}
              message={message}
              {...(index === messages.length - 1 && !answering.value && { onAgain })}
            />
          ),
        )}
        {running && <GrowingAnswer key={running.message.id} running={running} />}
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end" onClick={toEnd}>
          <DownIcon /> Latest
        </button>
      )}
      <Announcer />
    </div>
  );
}
