import { abilities } from "../state/abilities";

// Every model completes.
const SHOWN = new Set(["tools", "thinking", "vision", "embedding"]);

export function Abilities({ model }: { model: string }) {
  return (
    <>
      {abilities(model)
        .filter((each) => SHOWN.has(each))
        .map((each) => (
          <span key={each} class="tag">
            {each}
          </span>
        ))}
    </>
  );
}
