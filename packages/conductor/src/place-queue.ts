/**
 * Purpose: shares the places of workers between the flows of one conductor: the highest priority first, then the flows in turn.
 * States of a flow here: absent → waiting (in the lane of its priority) ⇄ stranded (no live worker offers what it waits for).
 * What is authoritative: the roster for what is free, the flow for what it waits for; a flow that no longer waits is passed over.
 * Not here: which worker a request goes to (`worker-roster.ts`), which request of a flow is the next (`in-flight.ts`).
 */
import type { Clock } from '@baton/core';
import { priorities, type Posting } from '@baton/jobboard';
import { limits } from './options.js';
import type { WorkerRoster } from './worker-roster.js';

/** A flow whose requests wait for a worker. */
export interface Waiter {
  readonly priority: Posting['priority'];
  readonly isWaiting: boolean;
  /** Whether a live worker offers anything it waits for; looked up anew, called when that may have changed. */
  lookForWorkers(): boolean;
  /** Takes at most so many places now; gives the number. */
  takePlaces(limit: number): number;
}

export class PlaceQueue {
  readonly #clock: Pick<Clock, 'setImmediate'>;
  readonly #roster: WorkerRoster;
  readonly #lanes = new Map<Posting['priority'], Set<Waiter>>(
    priorities.map((priority) => [priority, new Set()]),
  );
  readonly #stranded = new Set<Waiter>();
  /** Places a flow took in turns of its own since the queue last gave it one. */
  readonly #retaken = new Map<Waiter, number>();
  #isDue = false;

  constructor(clock: Pick<Clock, 'setImmediate'>, roster: WorkerRoster) {
    this.#clock = clock;
    this.#roster = roster;
  }

  /**
   * Places a flow may take in a turn of its own. While others of its priority wait these are few: so a chain of tasks keeps its place
   * without a second entry for each step, and still nobody waits for ever. While a higher priority waits: none.
   */
  allowance(waiter: Waiter): number {
    for (const [priority, lane] of this.#lanes) {
      const others = lane.size - (lane.has(waiter) ? 1 : 0);
      if (priority === waiter.priority)
        return others === 0 ? Infinity : limits.retakenMax - (this.#retaken.get(waiter) ?? 0);
      if (others > 0) return 0;
    }
    return Infinity;
  }

  /** It had a turn and took so many. */
  took(waiter: Waiter, places: number): void {
    if (!waiter.isWaiting) this.#laneOf(waiter).delete(waiter);
    if (places === 0) return;
    this.#retaken.set(waiter, Math.min(limits.retakenMax, (this.#retaken.get(waiter) ?? 0) + places));
  }

  /** It waits; those that waited before are served first. */
  wait(waiter: Waiter): void {
    const lane = this.#laneOf(waiter);
    if (!waiter.lookForWorkers()) {
      lane.delete(waiter);
      this.#stranded.add(waiter);
      return;
    }
    this.#stranded.delete(waiter);
    lane.add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#laneOf(waiter).delete(waiter);
    this.#stranded.delete(waiter);
    this.#retaken.delete(waiter);
  }

  /** Workers came or went. */
  workersChanged(): void {
    for (const waiter of [...this.#stranded, ...[...this.#lanes.values()].flatMap((lane) => [...lane])])
      this.wait(waiter);
    this.serveSoon();
  }

  /** Places may be free: they are given away behind the turns that are due already, which may have given them back. */
  serveSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.setImmediate(() => {
      this.#isDue = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.size === 0) continue;
      let free = this.#roster.room;
      if (free <= 0) return;
      let left = lane.size;
      for (const waiter of [...lane]) {
        // a flow's turns are saved one after the other, so it gets its whole share of what is free at once
        const taken = waiter.takePlaces(Math.ceil(free / left--));
        free -= taken;
        if (taken > 0) this.#served(waiter);
        if (free <= 0) return;
      }
    }
  }

  /** It goes to the end of its lane. */
  #served(waiter: Waiter): void {
    this.#retaken.set(waiter, 0);
    this.#laneOf(waiter).delete(waiter);
    if (waiter.isWaiting) this.wait(waiter);
  }

  #laneOf(waiter: Waiter): Set<Waiter> {
    return this.#lanes.get(waiter.priority) as Set<Waiter>;
  }
}
