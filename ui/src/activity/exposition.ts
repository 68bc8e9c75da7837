export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES: Record<string, string> = { n: "\n" };

/** The samples of Prometheus' text format whose names are wanted. */
export function samplesOf(text: string, wanted: ReadonlySet<string>): Sample[] {
  const found: Sample[] = [];
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    if (wanted.has(name)) found.push({ name, labels: labelsOf(labels), value: Number(value) });
  }
  return found;
}

function labelsOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(LABEL)) {
    found[name] = value.replace(/\\(.)/g, (_, each: string) => ESCAPES[each] ?? each);
  }
  return found;
}
