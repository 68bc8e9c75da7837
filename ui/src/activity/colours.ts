const COUNT = 6;

/** The colour of a line, as the theme has it now. */
export function colourOf(index: number): string {
  return themed(`--line-${(index % COUNT) + 1}`);
}

export function themed(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
