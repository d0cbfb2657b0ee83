/**
 * Purpose: which live workers offer which task, which requests of this conductor each of them has, and who gets the next request.
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

/** The same for all demands that the same workers can meet. */
export const lineOf = ({ task, taskVersion }: Demand): string => `${task}@${taskVersion}`;

interface Entry {
  readonly worker: LiveWorker;
  readonly offers: ReadonlyMap<string, readonly Version[]>;
  /** Ids of the requests it has. */
  readonly requests: Set<string>;
  /** Only an open one gets anything new. `paused`: it has too much for the moment; `draining`: never again. */
  state: 'open' | 'paused' | 'draining';
}
interface Version {
  readonly major: number;
  readonly minor: number;
}

export class WorkerRoster {
  readonly #byEpoch = new Map<string, Entry>();
  /** Who offers what was asked for, until a worker comes or goes. */
  readonly #offering = new Map<string, readonly Entry[]>();
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
    this.#byEpoch.set(worker.epoch, { worker, offers, requests: new Set(), state: 'open' });
    this.#offering.clear();
  }

  /** Gives the requests it had. */
  leave(epoch: string): readonly string[] {
    const requests = [...this.requestsOn(epoch)];
    this.#byEpoch.delete(epoch);
    this.#offering.clear();
    return requests;
  }

  requestsOn(epoch: string): Iterable<string> {
    return this.#byEpoch.get(epoch)?.requests ?? [];
  }

  /** The requests that live workers have. */
  *requests(): Iterable<string> {
    for (const entry of this.#byEpoch.values()) yield* entry.requests;
  }

  get(epoch: string): LiveWorker | undefined {
    return this.#byEpoch.get(epoch)?.worker;
  }

  /** The worker takes nothing new any more; what it has goes on. False when that was known. */
  drain(epoch: string): boolean {
    const entry = this.#byEpoch.get(epoch);
    if (entry === undefined || entry.state === 'draining') return false;
    entry.state = 'draining';
    return true;
  }

  /** The worker takes nothing new until `resume`. False when that was known, or it drains. */
  pause(epoch: string): boolean {
    const entry = this.#byEpoch.get(epoch);
    if (entry?.state !== 'open') return false;
    entry.state = 'paused';
    return true;
  }

  resume(epoch: string): void {
    const entry = this.#byEpoch.get(epoch);
    if (entry?.state === 'paused') entry.state = 'open';
  }

  /** Whether a live worker that does not drain offers it, with room or without. */
  isOffered(demand: Demand): boolean {
    return this.#offeringOf(demand).some((entry) => entry.state !== 'draining');
  }

  hasRoomFor(demand: Demand): boolean {
    return this.#offeringOf(demand).some(hasRoom);
  }

  /** Free places of all workers together. */
  get room(): number {
    let room = 0;
    for (const entry of this.#byEpoch.values())
      if (hasRoom(entry)) room += Math.ceil(placesOf(entry) - entry.requests.size);
    return room;
  }

  /**
   * The less loaded of two random workers that offer the task and have room; takes one place of it, to be given back by
   * `release`. Undefined: the request waits. A random pair keeps conductors that do not know of each other apart.
   */
  acquire(
    request: Demand & { readonly requestId: string },
    options: { readonly except?: string } = {},
  ): LiveWorker | undefined {
    const able = this.#offeringOf(request);
    // a worker that lost or refused the last delivery is the last choice, not a forbidden one
    const isPreferred = (entry: Entry): boolean => hasRoom(entry) && entry.worker.epoch !== options.except;
    let [first, second] = [this.#draw(able), this.#draw(able)].filter(
      (entry) => entry !== undefined && isPreferred(entry),
    );
    if (first === undefined) {
      // rare while there is room: only now everybody is looked at
      const preferred = able.filter(isPreferred);
      const from = preferred.length > 0 ? preferred : able.filter(hasRoom);
      [first, second] = [this.#draw(from), this.#draw(from)];
    }
    if (first === undefined) return undefined;
    const chosen = second !== undefined && load(second) < load(first) ? second : first;
    chosen.requests.add(request.requestId);
    return chosen.worker;
  }

  /** A request that runs on the worker already (adoption). */
  occupy(epoch: string, requestId: string): void {
    this.#byEpoch.get(epoch)?.requests.add(requestId);
  }

  release(epoch: string, requestId: string): void {
    this.#byEpoch.get(epoch)?.requests.delete(requestId);
  }

  #offeringOf(demand: Demand): readonly Entry[] {
    const line = lineOf(demand);
    const known = this.#offering.get(line);
    if (known !== undefined) return known;
    const offering = [...this.#byEpoch.values()].filter((entry) => accepts(entry, demand));
    // what nobody offers is not kept: flows may ask for anything
    if (offering.length > 0) this.#offering.set(line, offering);
    return offering;
  }

  #draw(from: readonly Entry[]): Entry | undefined {
    return from[Math.floor(this.#random.fraction() * from.length)];
  }
}

/** As many again as run at once are sent ahead, so that a slot is not idle for a round trip; the worker queues them. */
const AHEAD = 2;

function placesOf(entry: Entry): number {
  return entry.worker.concurrency * AHEAD;
}

function hasRoom(entry: Entry): boolean {
  return entry.state === 'open' && entry.requests.size < placesOf(entry);
}

function load(entry: Entry): number {
  return entry.requests.size / entry.worker.concurrency;
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
