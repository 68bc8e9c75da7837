import type { Block } from "./blocks";
import { Copy } from "./Copy";

export function BlockView({ block }: { block: Block }) {
  if (block.kind === "html") return <div class="block" dangerouslySetInnerHTML={{ __html: block.html }} />;
  return (
    <figure class="code">
      <figcaption>
        <span>{block.language || "text"}</span>
        <Copy text={() => block.text} label="Copy the code" />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre tabIndex={0}>
        <code>{block.text}</code>
      </pre>
    </figure>
  );
}
