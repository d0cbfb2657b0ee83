/** One-shot watches: who wants to be told of the next change at a path. A watcher counts once per path. */
export class WatchTable<W> {
  readonly #watchers = new Map<string, Set<W>>();
  readonly #paths = new Map<W, Set<string>>();

  add(path: string, watcher: W): void {
    entry(this.#watchers, path).add(watcher);
    entry(this.#paths, watcher).add(path);
  }

  /** Takes everybody who watches the path off the table. */
  take(path: string): Iterable<W> {
    const watchers = this.#watchers.get(path);
    if (watchers === undefined) return [];
    this.#watchers.delete(path);
    for (const watcher of watchers) discard(this.#paths, watcher, path);
    return watchers;
  }

  /** Takes all watches of one watcher off the table. */
  drop(watcher: W): void {
    for (const path of this.#paths.get(watcher) ?? []) discard(this.#watchers, path, watcher);
    this.#paths.delete(watcher);
  }
}

function entry<K, V>(sets: Map<K, Set<V>>, key: K): Set<V> {
  let set = sets.get(key);
  if (set === undefined) sets.set(key, (set = new Set()));
  return set;
}

function discard<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
