import { useEffect, useState } from "preact/hooks";
import { Badge } from "../shell/Badge";
import { HistoryIcon, PlusIcon } from "../shell/icons";
import { ModelSelect } from "../shell/ModelSelect";
import { abilities } from "../state/abilities";
import { answering, ask, stop } from "../state/answering";
import { current, startNew } from "../state/conversations";
import { models, reach, statusOf } from "../state/live";
import { where } from "../state/page";
import { Composer } from "./Composer";
import { HistoryDialog } from "./HistoryDialog";
import { Messages } from "./Messages";

export function ChatPage() {
  const [think, setThink] = useState(true);
  const [isHistoryOpen, setHistoryOpen] = useState(false);
  useChosenModel();
  useEscape();
  const { model } = current.value;
  const status = statusOf(model);
  const able = abilities(reach.value === "up" ? model : "");
  return (
    <div class="chat">
      <h1 class="unseen">Chat</h1>
      <div class="toolbar">
        <ModelSelect value={model} onChange={choose} label="Model to chat with" />
        {status && <Badge state={status.status} />}
        <span class="gap" />
        {able.includes("thinking") && (
          <label class="switch">
            <input
              type="checkbox"
              checked={think}
              onChange={(event) => setThink(event.currentTarget.checked)}
            />
            Think
          </label>
        )}
        <button
          type="button"
          class="quiet only-narrow"
          aria-label="Earlier chats"
          onClick={() => setHistoryOpen(true)}
        >
          <HistoryIcon />
        </button>
        <button type="button" class="quiet only-narrow" aria-label="New chat" onClick={startNew}>
          <PlusIcon />
        </button>
      </div>
      <Messages onAgain={() => ask(current.value, null, think)} />
      <Composer
        sees={able.includes("vision")}
        isReady={reach.value === "up" && status !== undefined && !answering.value}
        onSend={(draft) => ask(current.value, draft, think)}
      />
      {isHistoryOpen && <HistoryDialog onClose={() => setHistoryOpen(false)} />}
    </div>
  );
}

function choose(model: string): void {
  current.value = { ...current.value, model };
}

/** A new chat is with the model that the address names, else with one that is loaded, else with the first. */
function useChosenModel(): void {
  const named = where.value.model;
  const all = models.value;
  useEffect(() => {
    if (named) choose(named);
  }, [named]);
  useEffect(() => {
    if (current.value.model || !all.length) return;
    const loaded = all.find((each) => ["ready", "outputting", "processing_prompt"].includes(each.status));
    choose((loaded ?? all[0])?.model ?? "");
  }, [all, current.value.id]);
}

function useEscape(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && stop();
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
