/** Where the service is: the page is its `ui/`, also behind a proxy that puts a path before it. */
export const service = new URL("..", new URL(document.baseURI));

export function addressOf(path: string): URL {
  return new URL(path.replace(/^\//, ""), service);
}

/** A model's name as a part of a path: names may have slashes, which the service takes as they are. */
export function segment(model: string): string {
  return model.split("/").map(encodeURIComponent).join("/");
}

/** The service's address as people write it, without a slash at the end. */
export const shownAddress = service.href.replace(/\/$/, "");
