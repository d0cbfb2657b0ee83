/**
 * A map that forgets: at most `entriesMax` entries, the oldest go first, and all older than a given moment on request.
 * "Old" counts from the last `set`. Everything is O(1) per entry, because a Map keeps the order of insertion.
 */
export class RecentMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly setAtMs: number }>();
  readonly #entriesMax: number;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: string, value: V, nowMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, setAtMs: nowMs });
    if (this.#entries.size <= this.#entriesMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Takes out everything that was set at or before `atMs`, oldest first. */
  *expire(atMs: number): Generator<readonly [string, V]> {
    for (const [key, { value, setAtMs }] of this.#entries) {
      if (setAtMs > atMs) return;
      this.#entries.delete(key);
      yield [key, value];
    }
  }
}
