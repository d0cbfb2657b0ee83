/** The newest of many times, as many as wanted: bounded by that number, however many there are. */
export class NewestTimes {
  readonly #count: number;
  #times: number[] = [];

  /** @param count at least 1 */
  constructor(count: number) {
    this.#count = count;
  }

  add(timeMs: number): void {
    this.#times.push(timeMs);
    if (this.#times.length > 2 * this.#count + 1_000) this.#trim();
  }

  /** The oldest of those wanted, if there were more than that; begins anew. */
  take(): number | undefined {
    this.#trim();
    const oldest = this.#times.length > this.#count ? this.#times[this.#count - 1] : undefined;
    this.#times = [];
    return oldest;
  }

  #trim(): void {
    this.#times.sort((a, b) => b - a);
    // one more tells that there were more
    this.#times.length = Math.min(this.#times.length, this.#count + 1);
  }
}
