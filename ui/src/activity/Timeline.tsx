import { useState } from "preact/hooks";
import type { State } from "../api/types";
import { clock, seconds } from "../state/format";
import { lookedAt, models } from "../state/live";
import { STATES, WORDS } from "../state/words";
import { histories } from "./histories";
import { spansOf } from "./spans";

const SPANS: [number, string][] = [
  [5, "5 minutes"],
  [30, "30 minutes"],
  [180, "3 hours"],
];

/** What each model was doing, one lane each. */
export function Timeline() {
  const [minutes, setMinutes] = useState(5);
  const end = lookedAt.value;
  const begin = end - minutes * 60_000;
  return (
    <section class="panel timeline">
      <div class="head">
        <h2>Timeline</h2>
        <select
          aria-label="Time shown"
          value={minutes}
          onChange={(event) => setMinutes(Number(event.currentTarget.value))}
        >
          {SPANS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <ul class="lanes">
        {models.value.map(({ model, status }) => (
          <Lane key={model} model={model} state={status} begin={begin} end={end} />
        ))}
      </ul>
      <div class="axis muted" aria-hidden="true">
        <span>{clock(begin)}</span>
        <span>{clock((begin + end) / 2)}</span>
        <span>{clock(end)}</span>
      </div>
      <ul class="legend" aria-label="Colours">
        {STATES.map((state) => (
          <li key={state} data-state={state}>
            <span class="dot" aria-hidden="true" /> {WORDS[state]}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Lane({ model, state, begin, end }: { model: string; state: State; begin: number; end: number }) {
  const spans = spansOf(histories.value.get(model) ?? [], state, begin, end);
  return (
    <li class="lane">
      <span class="name" title={model}>
        {model}
      </span>
      <div
        class="track"
        role="img"
        aria-label={`${model} is ${WORDS[state]}; ${spans.length - 1} changes shown`}
      >
        {spans.map((span) => (
          <span
            key={span.begun}
            data-state={span.state}
            title={`${WORDS[span.state]}, ${clock(span.begun)}, ${seconds((span.ended - span.begun) / 1000)}`}
            style={{ left: `${span.left * 100}%`, width: `${span.width * 100}%` }}
          />
        ))}
      </div>
    </li>
  );
}
