import { useState } from "preact/hooks";
import { said } from "../api/http";
import { load, unload } from "../api/models";
import type { ModelStatus } from "../api/types";
import { expect, look, reach } from "../state/live";
import { canLoad, canUnload } from "../state/words";

export function LoadButtons({ status }: { status: ModelStatus }) {
  const [problem, setProblem] = useState("");
  const run = async (work: (model: string) => Promise<void>) => {
    setProblem("");
    expect(); // the answer takes as long as the model does
    try {
      await work(status.model);
    } catch (error) {
      // A model that fails says so itself.
      if (status.status !== "failed") setProblem(said(error));
    } finally {
      look();
    }
  };
  const isUp = reach.value === "up";
  return (
    <>
      {canLoad(status.status) ? (
        <button
          type="button"
          class="primary"
          disabled={!isUp}
          aria-label={`Load ${status.model}`}
          onClick={() => run(load)}
        >
          Load
        </button>
      ) : (
        <button
          type="button"
          disabled={!isUp || !canUnload(status.status)}
          aria-label={`Unload ${status.model}`}
          onClick={() => run(unload)}
        >
          Unload
        </button>
      )}
      {problem && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
