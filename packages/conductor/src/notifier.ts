/**
 * Purpose: who tells which job (C-1404): its owner, while it is owned and until all have been told of its end, or of its falling asleep; where that owner died
 *   after that, the first in rank of those that live. Run again, it is told of by its new owner, and who told of its end stops.
 * States: open; stopped with the session.
 * What is authoritative: the stored record of a job; `by` in it says who is at it.
 * On failure: what cannot be opened is opened at the next entry, or by the sweep.
 */
import { rendezvousRank } from '@baton/core';
import type { Member } from '@baton/core';
import type { JobBoard, Posting } from '@baton/jobboard';
import type { Notifications, Persistence } from '@baton/persistence';
import { Courier, type CourierDeps } from './courier.js';
import type { EndReason } from './job-runner.js';
import { limits } from './options.js';

export interface NotifierDeps extends CourierDeps {
  readonly board: Pick<JobBoard, 'name' | 'read'>;
  readonly persistence: CourierDeps['persistence'] & Pick<Persistence, 'jobs'>;
  readonly memberId: string;
  /** The conductors that live, this one included. */
  readonly members: () => ReadonlyMap<string, Pick<Member, 'epoch'>>;
}

/** What opens a courier, and what has become of the job since. */
interface Opening {
  /** The newest entry. */
  seq: number;
  /** Nobody owns it. */
  isLeaving: boolean;
}

/** The next owner goes on. */
const leftToOthers: ReadonlySet<EndReason> = new Set(['fenced', 'abandoned', 'released', 'stopped']);

export class Notifier {
  readonly #deps: NotifierDeps;
  readonly #couriers = new Map<string, Courier | Opening>();
  #swept: string | undefined;
  /** Records whose job was not there when they were swept last. */
  readonly #jobless = new Set<string>();
  #isSweeping = false;
  #isStopped = false;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  /** An entry of an owned job is stored. */
  stored(flowId: string, seq: number, posting: Pick<Posting, 'name' | 'notify'>): void {
    const courier = this.#couriers.get(flowId);
    if (courier instanceof Courier) return courier.stored(seq);
    if (courier !== undefined) return void Object.assign(courier, { seq, isLeaving: false });
    if (posting.notify === true || Object.keys(this.#deps.targets).length > 0)
      void this.#open(flowId, { seq, isLeaving: false }, () => this.#recordOf(flowId, posting));
  }

  /** This conductor owns the job no more. */
  released(flowId: string, reason: EndReason): void {
    const courier = this.#couriers.get(flowId);
    if (courier === undefined) return;
    if (leftToOthers.has(reason)) {
      this.#couriers.delete(flowId);
      if (courier instanceof Courier) courier.stop();
    } else if (courier instanceof Courier) courier.leave();
    else courier.isLeaving = true;
  }

  /** Looks for jobs that have ended, or sleep, and whose teller is gone, a page at a time. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#isSweeping || this.#isStopped) return;
    this.#isSweeping = true;
    const { persistence, runtime } = this.#deps;
    try {
      const page = { after: this.#swept, limit: limits.notifySweepJobs };
      const records = await persistence.notifications.open(page);
      this.#swept = records.length < page.limit ? undefined : records.at(-1)?.flowId;
      for (const record of records) if (this.#isOrphan(record)) await this.#adopt(record);
    } catch (error) {
      runtime.logger.warn('notifications.unknown', { error });
    } finally {
      this.#isSweeping = false;
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const courier of this.#couriers.values()) if (courier instanceof Courier) courier.stop();
    this.#couriers.clear();
  }

  #isOrphan({ flowId, board, by }: Notifications): boolean {
    const { memberId } = this.#deps;
    const members = this.#deps.members();
    if (board !== this.#deps.board.name || this.#couriers.has(flowId)) return false;
    // it stopped for what an old read said of another owner
    if (by !== undefined && by === members.get(memberId)?.epoch) return true;
    return (
      ![...members.values()].some(({ epoch }) => epoch === by) &&
      rendezvousRank(flowId, memberId, members.keys()) === 0
    );
  }

  async #adopt(record: Notifications): Promise<void> {
    const { flowId } = record;
    const { board, persistence } = this.#deps;
    const [head, { state }] = await Promise.all([persistence.journal.head(flowId), board.read(flowId)]);
    if (head === undefined) return this.#forgetWithoutJob(flowId);
    // it is told of by nobody that is told no more
    if (record.targets.length + Object.keys(this.#deps.targets).length === 0)
      return persistence.notifications.save({ ...record, state: 'DONE' });
    const { kind, seq } = head.entry;
    // one that goes on has an owner, or will have one
    if (kind === 'terminal' || state === 'DORMANT')
      await this.#open(flowId, { seq, isLeaving: true }, () => Promise.resolve(record));
  }

  /** Written by a courier behind the purge of its job. One that is being posted may not be seen yet: it is there at the next sweep. */
  async #forgetWithoutJob(flowId: string): Promise<void> {
    const { jobs, notifications } = this.#deps.persistence;
    if ((await jobs.get(flowId)) !== undefined) return;
    if (this.#jobless.delete(flowId)) return notifications.forget(flowId);
    this.#jobless.add(flowId);
  }

  async #open(
    flowId: string,
    opening: Opening,
    find: () => Promise<Notifications | undefined>,
  ): Promise<void> {
    this.#couriers.set(flowId, opening);
    const isWanted = (): boolean => this.#couriers.get(flowId) === opening && !this.#isStopped;
    try {
      const record = await find();
      if (record === undefined || !isWanted()) return;
      const by = this.#deps.members().get(this.#deps.memberId)?.epoch;
      const mine: Notifications = { ...record, state: 'OPEN', ...(by !== undefined && { by }) };
      await this.#deps.persistence.notifications.save(mine);
      if (!isWanted()) return;
      const courier = new Courier(this.#deps, mine);
      this.#couriers.set(flowId, courier);
      courier.stored(opening.seq);
      if (opening.isLeaving) courier.leave();
      void courier.ended.then(() => {
        if (this.#couriers.get(flowId) === courier) this.#couriers.delete(flowId);
      });
    } catch (error) {
      this.#deps.runtime.logger.warn('notification.failed', { jobId: flowId, error });
    } finally {
      if (this.#couriers.get(flowId) === opening) this.#couriers.delete(flowId);
    }
  }

  /** Of a job that was posted without, and everybody who is told of every job. */
  async #recordOf(
    flowId: string,
    { name, notify }: Pick<Posting, 'name' | 'notify'>,
  ): Promise<Notifications | undefined> {
    const { notifications } = this.#deps.persistence;
    if (notify !== true)
      await notifications.insert({ flowId, name, board: this.#deps.board.name, targets: [] });
    return notifications.get(flowId, { withinMs: limits.notifyMs.first });
  }
}
