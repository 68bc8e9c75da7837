// A drawing that took long is followed by a pause that is longer: typing and scrolling come first.
const REST = 2;
const FRAME = 16;

/** Calls `draw` at most once a frame, however often it is wanted, and less often where it takes long. */
export class Drawing {
  #isPlanned = false;
  #isWanted = false;
  readonly #draw: () => void;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  want(): void {
    this.#isWanted = true;
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => this.#begin());
  }

  #begin(): void {
    this.#isWanted = false;
    const begun = performance.now();
    this.#draw();
    // Runs when the frame is laid out and painted, so that this counts too.
    setTimeout(() => {
      const taken = performance.now() - begun;
      setTimeout(() => this.#end(), taken > FRAME ? taken * REST : 0);
    });
  }

  #end(): void {
    this.#isPlanned = false;
    if (this.#isWanted) this.want();
  }
}
