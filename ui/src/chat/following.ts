import type { RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

const NEAR = 48; // pixels from the end that still count as the end

/** Keeps a box at its end while what is in it grows, until somebody scrolls away from there. */
export function useFollowing(box: RefObject<HTMLElement>, changed: string) {
  const [isAtEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  const toEnd = useCallback(() => {
    follows.current = true;
    setAtEnd(true);
    box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [box]);
  useEffect(() => {
    const element = box.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const onScroll = () => {
      follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
      setAtEnd(follows.current);
    };
    const grown = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
    });
    element.addEventListener("scroll", onScroll, { passive: true });
    grown.observe(content);
    grown.observe(element);
    return () => {
      element.removeEventListener("scroll", onScroll);
      grown.disconnect();
    };
  }, [box]);
  useEffect(toEnd, [toEnd, changed]);
  return { isAtEnd, toEnd };
}
