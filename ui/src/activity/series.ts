import { signal } from "@preact/signals";

const MOST = 720; // points: an hour, one every five seconds

/** Figures over time, a line for each name; a name that comes later has had nothing before. */
export class Series {
  readonly version = signal(0);
  readonly times: number[] = [];
  readonly lines = new Map<string, (number | null)[]>();

  add(time: number, values: ReadonlyMap<string, number | null>): void {
    for (const name of values.keys()) {
      if (!this.lines.has(name)) this.lines.set(name, new Array(this.times.length).fill(null));
    }
    this.times.push(time / 1000);
    for (const [name, line] of this.lines) line.push(values.get(name) ?? null);
    if (this.times.length > MOST) {
      this.times.shift();
      for (const line of this.lines.values()) line.shift();
    }
    // Not `++`, which reads it: an effect that adds would wait for itself.
    this.version.value = this.version.peek() + 1;
  }

  last(name: string): number | null {
    return this.lines.get(name)?.at(-1) ?? null;
  }
}
