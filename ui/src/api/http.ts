import { addressOf } from "./address";
import { key } from "./key";

/** The service answered with an error; the text is the service's own. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

/** No answer at all: the service is not there. */
export class Unreachable extends Error {}

/** The response to a request; anything but success is thrown. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (key.value) headers.set("Authorization", `Bearer ${key.value}`);
  let response: Response;
  try {
    response = await fetch(addressOf(path), { cache: "no-store", ...options, headers });
  } catch (error) {
    if (options.signal?.aborted && isAbort(options.signal.reason)) throw error;
    throw new Unreachable("The service does not answer.");
  }
  if (!response.ok) throw new ApiError(response.status, await textOf(response));
  return response;
}

export async function getJson<T>(path: string, options: RequestInit = {}): Promise<T> {
  return (await (await request(path, options)).json()) as T;
}

export function postJson(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return request(path, { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) });
}

/** Whether somebody called it off, which is no failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // A proxy in between answers in words of its own.
  }
  return `${response.status} ${response.statusText}`.trim();
}
