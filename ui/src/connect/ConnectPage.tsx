import { useState } from "preact/hooks";
import { service, shownAddress } from "../api/address";
import { key } from "../api/key";
import { BlockView } from "../markdown/BlockView";
import { Copy } from "../markdown/Copy";
import { ModelSelect } from "../shell/ModelSelect";
import { models } from "../state/live";
import { snippets } from "./snippets";

const HERE = new Set(["localhost", "127.0.0.1", "[::1]"]);

export function ConnectPage() {
  const [chosen, setChosen] = useState("");
  const model = chosen || models.value[0]?.model || "MODEL";
  return (
    <div class="page connect">
      <h1>Connect</h1>
      <div class="panel address">
        <span>
          <small class="muted">Address</small>
          <code>{shownAddress}</code>
        </span>
        <Copy text={() => shownAddress} label="Copy the address" />
        <span class="gap" />
        <ModelSelect value={model} onChange={setChosen} label="Model in the examples" />
      </div>
      {HERE.has(service.hostname) && (
        <p class="notice warn">
          This page was opened on the machine itself. From a container or another machine, use the machine's
          own name or address instead of <code>{service.hostname}</code>, and let the service listen there:{" "}
          <code>--host 0.0.0.0</code>.
        </p>
      )}
      <div class="snippets">
        {snippets(shownAddress, model, key.value !== "").map(({ title, language, text, note }) => (
          <section key={title}>
            <h2>{title}</h2>
            <BlockView block={{ kind: "code", language, text }} />
            {note && <p class="muted">{note}</p>}
          </section>
        ))}
      </div>
    </div>
  );
}
