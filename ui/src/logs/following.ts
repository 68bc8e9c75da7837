import { segment } from "../api/address";
import { isAbort, request, said } from "../api/http";
import { linesOf } from "../api/lines";

const SHOWN = 500;

/** Hands over the lines of a model's runtime, the last ones first and then each as it comes, until aborted. */
export async function follow(
  model: string,
  take: (line: string) => void,
  fail: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const path = `/api/logs/${segment(model)}?follow=1&lines=${SHOWN}`;
    for await (const line of linesOf(await request(path, { signal }))) take(line);
    fail("The service has ended the log.");
  } catch (error) {
    if (!isAbort(error)) fail(said(error));
  }
}
