import { useEffect, useState } from "preact/hooks";
import { copy } from "./clipboard";

const SHOWN = 1600;

export function Copy({
  text,
  label,
  class: name = "",
}: {
  text: () => string;
  label: string;
  class?: string;
}) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <button
      type="button"
      class={`quiet copy ${name}`}
      aria-label={isCopied ? "Copied" : label}
      onClick={async () => setCopied(await copy(text()))}
    >
      {isCopied ? "Copied" : "Copy"}
    </button>
  );
}
