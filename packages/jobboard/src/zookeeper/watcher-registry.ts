/**
 * Purpose: which functions wait for which node. Takes the place of the client's own manager, which compares closures one by one,
 *   keeps an event emitter per path, and lets one watcher that throws silence the others.
 * States: none beside the three maps; `clear` when the session is over.
 * Authoritative: the server for whether a watch fires; here for whom.
 * Not here: setting watches again after a reconnection (the client sends all paths it finds here).
 */
import type { Logger, NodeWatcher } from '@baton/core';
import type { WatcherManager } from 'node-zookeeper-client';

const created = 1;
const deleted = 2;
const dataChanged = 3;
const childrenChanged = 4;

type Watchers = Map<string, Set<NodeWatcher>>;

export class WatcherRegistry implements WatcherManager {
  readonly #logger: Logger;
  readonly #data: Watchers = new Map();
  readonly #existence: Watchers = new Map();
  readonly #children: Watchers = new Map();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  registerDataWatcher(path: string, watcher: NodeWatcher): void {
    add(this.#data, path, watcher);
  }

  registerExistenceWatcher(path: string, watcher: NodeWatcher): void {
    add(this.#existence, path, watcher);
  }

  registerChildWatcher(path: string, watcher: NodeWatcher): void {
    add(this.#children, path, watcher);
  }

  getDataWatcherPaths(): string[] {
    return [...this.#data.keys()];
  }

  getExistenceWatcherPaths(): string[] {
    return [...this.#existence.keys()];
  }

  getChildWatcherPaths(): string[] {
    return [...this.#children.keys()];
  }

  isEmpty(): boolean {
    return this.#data.size + this.#existence.size + this.#children.size === 0;
  }

  clear(): void {
    for (const watchers of [this.#data, this.#existence, this.#children]) watchers.clear();
  }

  /** A notice of the server; kinds it does not know are those of watches that are never set. */
  fire(type: number, path: string): void {
    if (type === childrenChanged) return this.#call(this.#children, path);
    if (type !== created && type !== deleted && type !== dataChanged) return;
    this.#call(this.#data, path);
    if (type === deleted) this.#call(this.#children, path);
    else this.#call(this.#existence, path);
  }

  #call(watchers: Watchers, path: string): void {
    const called = watchers.get(path);
    if (called === undefined) return;
    watchers.delete(path); // once: the server has forgotten them as well
    for (const watcher of called) {
      try {
        watcher();
      } catch (error) {
        this.#logger.error('coordination.watcher-threw', { path, error });
      }
    }
  }
}

function add(watchers: Watchers, path: string, watcher: NodeWatcher): void {
  const known = watchers.get(path);
  if (known === undefined) watchers.set(path, new Set([watcher]));
  else known.add(watcher);
}
