import type { FunctionComponent } from "preact";
import { addressIn, type Place, where } from "../state/page";
import { ActivityIcon, ChatIcon, ConnectIcon, LogsIcon, ModelsIcon } from "./icons";

const ITEMS: [Place, string, FunctionComponent][] = [
  ["chat", "Chat", ChatIcon],
  ["models", "Models", ModelsIcon],
  ["activity", "Activity", ActivityIcon],
  ["logs", "Logs", LogsIcon],
  ["connect", "Connect", ConnectIcon],
];

export function Nav() {
  return (
    <nav class="nav" aria-label="Pages">
      {ITEMS.map(([place, label, Icon]) => (
        <a
          key={place}
          href={addressIn(place)}
          aria-current={where.value.place === place ? "page" : undefined}
        >
          <Icon />
          <span>{label}</span>
        </a>
      ))}
    </nav>
  );
}
