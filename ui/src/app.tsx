import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { ActivityPage } from "./activity/ActivityPage";
import { ChatPage } from "./chat/ChatPage";
import { History } from "./chat/History";
import { ConnectPage } from "./connect/ConnectPage";
import { LogsPage } from "./logs/LogsPage";
import { ModelsPage } from "./models/ModelsPage";
import { KeyForm } from "./shell/KeyForm";
import { Nav } from "./shell/Nav";
import { Notices } from "./shell/Notices";
import { ServerState } from "./shell/ServerState";
import { reach } from "./state/live";
import { type Place, where } from "./state/page";

const PAGES: Record<Place, FunctionComponent> = {
  chat: ChatPage,
  models: ModelsPage,
  activity: ActivityPage,
  logs: LogsPage,
  connect: ConnectPage,
};

const TITLES: Record<Place, string> = {
  chat: "Chat",
  models: "Models",
  activity: "Activity",
  logs: "Logs",
  connect: "Connect",
};

export function App() {
  const { place } = where.value;
  const Page = PAGES[place];
  useEffect(() => {
    document.title = `${TITLES[place]} · axm1-llm`;
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header class="side">
        <p class="brand">
          <span class="mark" aria-hidden="true" />
          axm1-llm
        </p>
        <Nav />
        {place === "chat" && reach.value !== "key" && <History />}
        <ServerState />
      </header>
      <main id="main" tabIndex={-1} data-place={place}>
        <Notices />
        {reach.value === "key" ? <KeyForm /> : <Page />}
      </main>
    </>
  );
}

function skip(): void {
  document.getElementById("main")?.focus();
}
