import { clock } from "../state/format";
import { WORDS } from "../state/words";
import { histories } from "./histories";

const SHOWN = 50;

/** The last transitions of all models in words, the newest first. */
export function Transitions() {
  const all = [...histories.value].flatMap(([model, list]) => list.map((each) => ({ ...each, model })));
  all.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  return (
    <section class="panel transitions">
      <h2>Transitions</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div class="scroll" tabIndex={0} role="region" aria-label="Transitions">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Model</th>
              <th scope="col">State</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {all.slice(0, SHOWN).map((each) => (
              <tr key={`${each.model} ${each.at} ${each.to}`}>
                <td>
                  <time dateTime={each.at}>{clock(each.at)}</time>
                </td>
                <td>{each.model}</td>
                <td data-state={each.to} class="state">
                  <span class="dot" aria-hidden="true" /> {WORDS[each.to]}
                </td>
                <td class="muted">{each.reason ?? each.trigger.replaceAll("_", " ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {all.length === 0 && <p class="muted">Nothing has happened yet.</p>}
      </div>
    </section>
  );
}
