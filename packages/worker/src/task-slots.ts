/**
 * How many tasks run at the same time in this process. Shared by all incarnations of a worker: a task of a lost session that
 * has not ended yet still takes its place.
 */
export class TaskSlots {
  readonly count: number;
  #taken = 0;
  #onFree: () => void = () => undefined;

  constructor(count: number) {
    this.count = count;
  }

  get free(): number {
    return this.count - this.#taken;
  }

  take(): void {
    this.#taken++;
  }

  release(): void {
    this.#taken--;
    this.#onFree();
  }

  /** One listener: the incarnation that starts tasks at present. */
  onFree(listener: () => void): void {
    this.#onFree = listener;
  }
}
