export function megabytes(mb: number): string {
  return mb >= 1024 ? `${(mb / 1024).toFixed(1)} GiB` : `${Math.round(mb)} MiB`;
}

export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  return value < 129_600 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86_400)} d`;
}

/** How long ago, or how long from now. */
export function distance(time: string | number, now: number): string {
  return seconds(Math.abs(now - new Date(time).getTime()) / 1000).replace(/^(\d+)\.\d s/, "$1 s");
}

export function speed(tokensPerSecond: number): string {
  return `${tokensPerSecond.toFixed(tokensPerSecond < 100 ? 1 : 0)} tokens/s`;
}

export function clock(time: string | number): string {
  return new Date(time).toLocaleTimeString();
}
