/**
 * Purpose: keeps the roster as the board shows the workers: who came, who is gone, and who said that it takes nothing more, or not now.
 * What is authoritative: the board; a worker that says that it drains is believed before the board knows.
 * Not here: what becomes of the requests of one that is gone (LossWatch).
 */
import type { Member, Refused, WorkerInfo } from '@baton/core';
import type { JobBoard, MemberWatch } from '@baton/jobboard';
import type { LossWatch } from './loss-watch.js';
import { limits } from './options.js';
import type { PlaceQueue } from './place-queue.js';
import type { SessionTimers } from './session-timers.js';
import type { WorkerRoster } from './worker-roster.js';

export interface WorkerWatchDeps {
  readonly roster: WorkerRoster;
  readonly places: PlaceQueue;
  readonly losses: LossWatch;
  readonly timers: SessionTimers;
}

const isWorker = (member: Member): member is Member<WorkerInfo> => member.kind === 'worker';

export class WorkerWatch {
  readonly #deps: WorkerWatchDeps;
  #members: MemberWatch | undefined;

  constructor(deps: WorkerWatchDeps) {
    this.#deps = deps;
  }

  /** @throws UnavailableErrors of the session. */
  async start(board: JobBoard): Promise<void> {
    const { roster, places, losses } = this.#deps;
    this.#members = await board.watchMembers('worker', (_, change) => {
      for (const { epoch } of change.left.filter(isWorker)) void losses.left(epoch, roster.leave(epoch));
      for (const worker of change.joined.filter(isWorker)) roster.join(worker);
      places.workersChanged();
    });
    for (const worker of [...this.#members.current.values()].filter(isWorker)) roster.join(worker);
  }

  /** Lists them anew. */
  async refresh(): Promise<void> {
    await this.#members?.refresh();
  }

  drains(epoch: string): void {
    const { roster, places } = this.#deps;
    if (roster.drain(epoch)) places.workersChanged();
  }

  refused({ workerEpoch, reason }: Refused): void {
    const { roster, places, timers } = this.#deps;
    if (reason === 'draining') this.drains(workerEpoch);
    if (reason !== 'overloaded' || !roster.pause(workerEpoch)) return;
    timers.after(limits.overloadPauseMs, () => {
      roster.resume(workerEpoch);
      places.serveSoon();
    });
  }
}
