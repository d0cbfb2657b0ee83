/**
 * Purpose: which live workers offer which task, how much of each this conductor uses, and who gets the next request.
 * What is authoritative: the members below `/members/workers`; this is a copy, refreshed by its watch. A request sent to a
 * worker that is gone meanwhile is found by its loss, so a stale copy costs time only.
 * On failure: with the session, everything here is dropped.
 * Not here: what becomes of the requests of a lost worker (`flow-turns.ts`).
 */
import type { Member, Random, WorkerInfo } from '@baton/core';

export type LiveWorker = Member<WorkerInfo>;

/** What is asked of a worker. */
export interface Demand {
  readonly task: string;
  readonly taskVersion: string;
}

interface Entry {
  readonly worker: LiveWorker;
  readonly offers: ReadonlyMap<string, readonly Version[]>;
  open: number;
  /** Gets nothing new: it drains, or asked for a pause. */
  isClosed: boolean;
}
interface Version {
  readonly major: number;
  readonly minor: number;
}

export class WorkerRoster {
  readonly #byEpoch = new Map<string, Entry>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  join(worker: LiveWorker): void {
    if (this.#byEpoch.has(worker.epoch)) return;
    const offers = new Map<string, Version[]>();
    for (const task of worker.tasks) {
      const version = parseVersion(task.version);
      const known = offers.get(task.name);
      if (known) known.push(version);
      else offers.set(task.name, [version]);
    }
    this.#byEpoch.set(worker.epoch, { worker, offers, open: 0, isClosed: false });
  }

  leave(epoch: string): void {
    this.#byEpoch.delete(epoch);
  }

  get(epoch: string): LiveWorker | undefined {
    return this.#byEpoch.get(epoch)?.worker;
  }

  /** The worker takes nothing new until `reopen`; what it has goes on. */
  close(epoch: string): void {
    const entry = this.#byEpoch.get(epoch);
    if (entry) entry.isClosed = true;
  }

  reopen(epoch: string): void {
    const entry = this.#byEpoch.get(epoch);
    if (entry) entry.isClosed = false;
  }

  /**
   * The less loaded of two random workers that offer the task and have room; takes one place of it, to be given back by
   * `release`. Undefined: the request waits. A random pair keeps conductors that do not know of each other apart.
   */
  acquire(demand: Demand, options: { readonly except?: string } = {}): LiveWorker | undefined {
    const able = [...this.#byEpoch.values()].filter((entry) => accepts(entry, demand) && hasRoom(entry));
    // a worker that lost or refused the last delivery is the last choice, not a forbidden one
    const preferred = able.filter((entry) => entry.worker.epoch !== options.except);
    const from = preferred.length > 0 ? preferred : able;
    const first = this.#draw(from);
    const second = this.#draw(from);
    if (first === undefined || second === undefined) return undefined;
    const chosen = load(second) < load(first) ? second : first;
    chosen.open++;
    return chosen.worker;
  }

  /** Counts a request that runs on the worker already (adoption). */
  occupy(epoch: string): void {
    const entry = this.#byEpoch.get(epoch);
    if (entry) entry.open++;
  }

  release(epoch: string): void {
    const entry = this.#byEpoch.get(epoch);
    if (entry && entry.open > 0) entry.open--;
  }

  #draw(from: readonly Entry[]): Entry | undefined {
    return from[Math.floor(this.#random.fraction() * from.length)];
  }
}

/** As many again as run at once are sent ahead, so that a slot is not idle for a round trip; the worker queues them. */
const AHEAD = 2;

function hasRoom(entry: Entry): boolean {
  return !entry.isClosed && entry.open < entry.worker.concurrency * AHEAD;
}

function load(entry: Entry): number {
  return entry.open / entry.worker.concurrency;
}

/** Same major, same or higher minor (engine.md E-1305). */
function accepts(entry: Entry, demand: Demand): boolean {
  const wanted = parseVersion(demand.taskVersion);
  return (entry.offers.get(demand.task) ?? []).some(
    (offered) => offered.major === wanted.major && offered.minor >= wanted.minor,
  );
}

function parseVersion(text: string): Version {
  const [major = '1', minor = '0'] = text.split('.');
  return { major: Number(major), minor: Number(minor) };
}
