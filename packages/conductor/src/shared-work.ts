/**
 * What one conductor does for all of a board: finishing posts, firing schedules, telling of jobs that have ended, forgetting them after a while, waking dormant
 * ones. Who it is follows from who is there.
 */
import { rendezvousRank } from '@baton/core';
import type { Persistence } from '@baton/persistence';
import { DormantWatch } from './dormant-watch.js';
import { Notifier, type NotifierDeps } from './notifier.js';
import { limits } from './options.js';
import { reconcilePosts } from './post-reconciler.js';
import { RetentionDuty, type RetentionOptions } from './retention-duty.js';
import { Scheduler, type SchedulerDeps } from './scheduler.js';
import type { SessionTimers } from './session-timers.js';

export type SharedWorkDeps = SchedulerDeps &
  NotifierDeps & {
    readonly persistence: Pick<Persistence, 'retention'>;
    /** Absent: jobs that have ended are kept for ever. */
    readonly retention: RetentionOptions;
  };

export class SharedWork {
  readonly notifier: Notifier;
  readonly #deps: SharedWorkDeps;
  readonly #scheduler: Scheduler;
  #dormant: DormantWatch | undefined;
  #retention: RetentionDuty | undefined;
  #timers: SessionTimers | undefined;
  #isReconciliationDue = false;
  readonly #idleSince = new Map<string, number>();

  constructor(deps: SharedWorkDeps) {
    this.#deps = deps;
    this.#scheduler = new Scheduler(deps);
    this.notifier = new Notifier(deps);
  }

  start(timers: SessionTimers): void {
    const { memberId, members, persistence } = this.#deps;
    const conductors = () => members().keys();
    const { commands } = persistence;
    this.#dormant = new DormantWatch({ ...this.#deps, commands, timers, conductors });
    this.#dormant.start();
    timers.onStop(() => this.#scheduler.stop());
    timers.onStop(this.#deps.board.onNudge(() => void this.#scheduler.look()));
    timers.every(limits.schedulePollMs, () => void this.#scheduler.look());
    void this.#scheduler.look();
    timers.onStop(() => this.notifier.stop());
    timers.every(limits.notifySweepMs, () => void this.notifier.sweep());
    this.#timers = timers;
    timers.every(limits.reconcileMs, () => this.#reconcile());
    this.#reconcileSoon();
    const { retention: options, mayDecide } = this.#deps;
    const isMine = () => mayDecide() && rendezvousRank('retention', memberId, members().keys()) === 0;
    this.#retention = new RetentionDuty({ ...this.#deps, options, isMine, timers });
    this.#retention.start();
  }

  /** The conductors have changed. */
  divide(): void {
    this.#scheduler.divide();
    this.#dormant?.share();
    this.#retention?.membersChanged();
    this.#reconcileSoon();
  }

  /** The board could not tell of changes for a while. */
  reconnected(): void {
    this.#dormant?.relist();
  }

  /** Where conductors come and go all the time none is there for long. */
  #reconcileSoon(): void {
    if (this.#isReconciliationDue || this.#timers === undefined) return;
    this.#isReconciliationDue = true;
    this.#timers.after(limits.reconcileSoonMs, () => {
      this.#isReconciliationDue = false;
      this.#reconcile();
    });
  }

  #reconcile(): void {
    const { memberId, members } = this.#deps;
    if (rendezvousRank('reconcile', memberId, members().keys()) !== 0) return;
    void reconcilePosts({ ...this.#deps, idleSince: this.#idleSince });
  }
}
