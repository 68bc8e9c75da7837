import { useEffect, useRef } from "preact/hooks";
import { useFollowing } from "../chat/following";
import { Copy } from "../markdown/Copy";
import { Badge } from "../shell/Badge";
import { DownIcon } from "../shell/icons";
import { ModelSelect } from "../shell/ModelSelect";
import { models, statusOf } from "../state/live";
import { go, where } from "../state/page";
import { Lines } from "./Lines";
import { useLog } from "./useLog";

export function LogsPage() {
  const first = models.value[0]?.model ?? "";
  const model = where.value.model || first;
  const status = statusOf(model);
  const { lines, problem } = useLog(model);
  const box = useRef<HTMLDivElement>(null);
  const { isAtEnd, toEnd } = useFollowing(box, model);
  useEffect(() => {
    if (!where.value.model && first) go("logs", first);
  }, [first]);
  return (
    <div class="logs">
      <div class="toolbar">
        <h1 class="unseen">Logs</h1>
        <ModelSelect
          value={model}
          onChange={(chosen) => go("logs", chosen)}
          label="Model whose log is shown"
        />
        {status && <Badge state={status.status} />}
        <span class="gap" />
        <Copy text={() => lines.map((each) => each.text).join("\n")} label="Copy the log" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div ref={box} class="log" tabIndex={0} role="region" aria-label={`Log of ${model}`}>
        <div>
          <Lines lines={lines} />
          {lines.length === 0 && (
            <p class="muted">The runtime has printed nothing yet: it does when it is loaded.</p>
          )}
          {problem && <p class="error">{problem}</p>}
        </div>
        {!isAtEnd && (
          <button type="button" class="to-end" onClick={toEnd}>
            <DownIcon /> Latest
          </button>
        )}
      </div>
    </div>
  );
}
