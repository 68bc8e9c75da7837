import { useEffect, useRef, useState } from "preact/hooks";
import { Drawing } from "../state/drawing";
import { reach } from "../state/live";
import { follow } from "./following";

const KEPT = 2000;

export interface Line {
  number: number;
  text: string;
}

/** The lines of a model's log as they come; nothing is followed while the tab is hidden or the service is gone. */
export function useLog(model: string): { lines: readonly Line[]; problem: string } {
  const lines = useRef<Line[]>([]);
  const [, setVersion] = useState(0);
  const [problem, setProblem] = useState("");
  const isShown = useShown();
  const isUp = reach.value === "up";
  useEffect(() => {
    if (!model || !isShown || !isUp) return;
    const abort = new AbortController();
    const drawing = new Drawing(() => setVersion((before) => before + 1));
    let number = 0;
    lines.current = [];
    setProblem("");
    drawing.want();
    const take = (text: string) => {
      lines.current.push({ number: number++, text });
      if (lines.current.length > KEPT * 1.25) lines.current.splice(0, lines.current.length - KEPT);
      drawing.want();
    };
    follow(model, take, setProblem, abort.signal);
    return () => abort.abort();
  }, [model, isShown, isUp]);
  return { lines: lines.current, problem };
}

function useShown(): boolean {
  const [isShown, setShown] = useState(!document.hidden);
  useEffect(() => {
    const changed = () => setShown(!document.hidden);
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
  return isShown;
}
