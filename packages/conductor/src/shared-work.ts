/**
 * What one conductor does for all of a board: finishing posts, firing schedules, telling of jobs that have ended, waking dormant ones. Who it is follows
 * from who is there.
 */
import { rendezvousRank } from '@baton/core';
import { BoardClock } from './board-clock.js';
import { DormantWatch } from './dormant-watch.js';
import { Notifier, type NotifierDeps } from './notifier.js';
import { limits } from './options.js';
import { reconcilePosts } from './post-reconciler.js';
import { Scheduler, type SchedulerDeps } from './scheduler.js';
import type { SessionTimers } from './session-timers.js';

export type SharedWorkDeps = Omit<SchedulerDeps, 'time'> & NotifierDeps;

export class SharedWork {
  readonly notifier: Notifier;
  readonly #deps: SharedWorkDeps;
  readonly #time: BoardClock;
  readonly #scheduler: Scheduler;
  #dormant: DormantWatch | undefined;

  constructor(deps: SharedWorkDeps) {
    this.#deps = deps;
    this.#time = new BoardClock(deps.board, deps.runtime.clock);
    this.#scheduler = new Scheduler({ ...deps, time: this.#time });
    this.notifier = new Notifier(deps);
  }

  start(timers: SessionTimers): void {
    const { memberId, members, persistence } = this.#deps;
    const conductors = () => members().keys();
    const { commands } = persistence;
    this.#dormant = new DormantWatch({ ...this.#deps, time: this.#time, commands, timers, conductors });
    this.#dormant.start();
    timers.onStop(() => this.#scheduler.stop());
    timers.onStop(this.#deps.board.onNudge(() => void this.#scheduler.look()));
    timers.every(limits.schedulePollMs, () => void this.#scheduler.look());
    void this.#scheduler.look();
    timers.onStop(() => this.notifier.stop());
    timers.every(limits.notifySweepMs, () => void this.notifier.sweep());
    timers.every(limits.reconcileMs, () => {
      if (rendezvousRank('reconcile', memberId, members().keys()) === 0) void reconcilePosts(this.#deps);
    });
  }

  /** The conductors have changed. */
  divide(): void {
    this.#scheduler.divide();
    this.#dormant?.share();
  }

  /** The board could not tell of changes for a while. */
  reconnected(): void {
    this.#dormant?.relist();
  }
}
