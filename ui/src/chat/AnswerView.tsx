import { Copy } from "../markdown/Copy";
import { Markdown } from "../markdown/Markdown";
import type { Message } from "../state/conversation";
import { seconds, speed } from "../state/format";
import { Thinking } from "./Thinking";

/** An answer that is over. */
export function AnswerView({ message, onAgain }: { message: Message; onAgain?: () => void }) {
  return (
    <article class="turn answer" aria-label={message.model ?? "Answer"}>
      <p class="who">{message.model}</p>
      {message.thinking && <Thinking text={message.thinking} />}
      <Markdown source={message.content} />
      {message.error && (
        <p class="notice bad" role="alert">
          {message.error}
        </p>
      )}
      <footer>
        <span class="facts">{factsOf(message).join(" · ")}</span>
        {message.content && <Copy text={() => message.content} label="Copy the answer" />}
        {onAgain && (
          <button type="button" class="quiet" onClick={onAgain}>
            Try again
          </button>
        )}
      </footer>
    </article>
  );
}

function factsOf({ cut, figures }: Message): string[] {
  const facts = [];
  if (cut === "stopped") facts.push("Stopped");
  if (cut === "length") facts.push("Cut at its longest");
  if (!figures) return facts;
  facts.push(`${figures.tokens} tokens`);
  if (figures.tokensPerSecond !== null) facts.push(speed(figures.tokensPerSecond));
  if (figures.firstToken > 0) facts.push(`first after ${seconds(figures.firstToken)}`);
  if (figures.load >= 1) facts.push(`loaded in ${seconds(figures.load)}`);
  return facts;
}
