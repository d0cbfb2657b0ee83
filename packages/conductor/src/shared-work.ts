/**
 * What one conductor does for all of a board: finishing posts, firing schedules, telling of jobs that have ended, forgetting them after a while, waking dormant
 * ones. Who it is follows from who is there.
 */
import { rendezvousRank } from '@baton/core';
import type { Persistence } from '@baton/persistence';
import { DormantWatch } from './dormant-watch.js';
import { Notifier, type NotifierDeps } from './notifier.js';
import { limits } from './options.js';
import { PostReconciler } from './post-reconciler.js';
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
  #posts: PostReconciler | undefined;

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
    const isFirst = (duty: string) => rendezvousRank(duty, memberId, members().keys()) === 0;
    this.#posts = new PostReconciler({ ...this.#deps, isMine: () => isFirst('reconcile'), timers });
    this.#posts.start();
    const { retention: options, mayDecide } = this.#deps;
    const isMine = () => mayDecide() && isFirst('retention');
    this.#retention = new RetentionDuty({ ...this.#deps, options, isMine, timers });
    this.#retention.start();
  }

  /** The conductors have changed. */
  divide(): void {
    this.#scheduler.divide();
    this.#dormant?.share();
    this.#retention?.membersChanged();
    this.#posts?.membersChanged();
  }

  /** The board could not tell of changes for a while. */
  reconnected(): void {
    this.#dormant?.relist();
  }
}
