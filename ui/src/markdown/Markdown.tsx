import type { VNode } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { BlockView } from "./BlockView";
import { type Block, GrowingText } from "./blocks";

/** A text in Markdown that may grow from one drawing to the next. */
export function Markdown({ source }: { source: string }) {
  const growing = useRef<GrowingText>();
  const drawn = useRef<VNode[]>([]);
  growing.current ??= new GrowingText();
  const text = growing.current;
  const open = useMemo(() => text.grow(source), [text, source]);
  if (drawn.current.length > text.settled.length) drawn.current = [];
  // The very same nodes again: they are not even compared.
  for (let index = drawn.current.length; index < text.settled.length; index++) {
    drawn.current.push(<BlockView key={index} block={text.settled[index] as Block} />);
  }
  return (
    <div class="markdown">
      {[
        ...drawn.current,
        ...open.map((block, index) => <BlockView key={text.settled.length + index} block={block} />),
      ]}
    </div>
  );
}
