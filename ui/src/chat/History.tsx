import { CloseIcon, PlusIcon } from "../shell/icons";
import { current, forget, kept, show, startNew } from "../state/conversations";

/** The conversations that this browser keeps. */
export function History({ onChoose = () => undefined }: { onChoose?: () => void }) {
  const choosing = (work: () => void) => () => {
    work();
    onChoose();
  };
  return (
    <section class="history" aria-label="Chats">
      <button type="button" class="new" onClick={choosing(startNew)}>
        <PlusIcon /> New chat
      </button>
      <ul>
        {kept.value.map((each) => (
          <li key={each.id} data-current={each.id === current.value.id}>
            <button
              type="button"
              class="title"
              aria-current={each.id === current.value.id ? "true" : undefined}
              onClick={choosing(() => show(each))}
            >
              {each.title}
            </button>
            <button
              type="button"
              class="quiet forget"
              aria-label={`Delete the chat “${each.title}”`}
              onClick={() => forget(each.id)}
            >
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
      <p class="hint">Kept in this browser only.</p>
    </section>
  );
}
