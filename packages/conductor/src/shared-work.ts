/** What one conductor does for all of a board: finishing posts, firing schedules, waking dormant jobs. Who it is follows from who is there. */
import { rendezvousRank } from '@baton/core';
import { DormantWatch } from './dormant-watch.js';
import { limits } from './options.js';
import { reconcilePosts } from './post-reconciler.js';
import { Scheduler, type SchedulerDeps } from './scheduler.js';
import type { SessionTimers } from './session-timers.js';

export class SharedWork {
  readonly #deps: SchedulerDeps;
  readonly #scheduler: Scheduler;
  #dormant: DormantWatch | undefined;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#scheduler = new Scheduler(deps);
  }

  start(timers: SessionTimers): void {
    const { memberId, conductors, persistence } = this.#deps;
    this.#dormant = new DormantWatch({ ...this.#deps, commands: persistence.commands, timers });
    void this.#dormant.start();
    timers.onStop(() => this.#scheduler.stop());
    timers.onStop(this.#deps.board.onNudge(() => void this.#scheduler.look()));
    timers.every(limits.schedulePollMs, () => void this.#scheduler.look());
    void this.#scheduler.look();
    timers.every(limits.reconcileMs, () => {
      if (rendezvousRank('reconcile', memberId, conductors()) === 0) void reconcilePosts(this.#deps);
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
