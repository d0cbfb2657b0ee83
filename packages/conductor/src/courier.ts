/**
 * Purpose: tells those who are to be told of one job, each in the order of the journal, each for itself.
 * States: idle (nothing is left that is known of) → telling → idle, or over (all have been told of the end, and no new life of the job is known of).
 * What is authoritative: the journal for what there is to tell; the stored progress for how far it got, written after each notification that was taken.
 * On failure: a notification that is not taken is sent again, with back-off, a quarter of an hour after its entry at least; then it is given up, which is stored and logged, and the next
 *   one follows. What was taken and could not be written down is told again.
 * Not here: who tells which job (`notifier.ts`), how it is sent (`webhook.ts`).
 */
import { toFailure } from '@baton/core';
import type { JournalEntry, Notification, NotifyTarget, Runtime } from '@baton/core';
import type { Notifications, NotifyProgress, Persistence } from '@baton/persistence';
import { isAskedFor, notifiedEvents } from './notified-events.js';
import { limits } from './options.js';
import type { SendNotification } from './webhook.js';

export interface CourierDeps {
  readonly runtime: Runtime;
  readonly persistence: Pick<Persistence, 'journal' | 'notifications'>;
  readonly send: SendNotification;
  /** Of every job, by key; beside those that were given with it. */
  readonly targets: Readonly<Record<string, NotifyTarget>>;
}

export class Courier {
  /** Resolves when it is over or was stopped. */
  readonly ended: Promise<void>;
  readonly #deps: CourierDeps;
  #record: Notifications;
  readonly #stop = new AbortController();
  #end!: () => void;
  /** The newest entry that is known to be stored. */
  #newestSeq = -1;
  /** Targets that have been told of the end, in the newest life that is known of, and those that have nothing to be told at present. */
  readonly #told = new Set<string>();
  readonly #idle = new Set<string>();
  readonly #keys: readonly string[];
  #isLeaving = false;
  #wake = (): void => undefined;

  /** @param record what is stored; it is this courier's to write from now on */
  constructor(deps: CourierDeps, record: Notifications) {
    this.#deps = deps;
    this.#record = record;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const targets = { ...deps.targets, ...Object.fromEntries(record.targets.entries()) };
    this.#keys = Object.keys(targets);
    for (const [key, target] of Object.entries(targets)) void this.#lane(key, target);
  }

  /** An entry was stored, by this conductor. */
  stored(seq: number): void {
    this.#isLeaving = false;
    if (seq > this.#newestSeq) {
      this.#newestSeq = seq;
      // who was told of the end is told of what comes after it
      this.#told.clear();
    }
    this.#wake();
  }

  /** This conductor owns the job no more, as it has ended or sleeps: it is over when all that is stored has been told, or another owner tells. */
  leave(): void {
    this.#isLeaving = true;
    this.#endIfIdle();
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.#stop.abort();
    this.#wake();
    this.#end();
  }

  async #lane(key: string, target: NotifyTarget): Promise<void> {
    const { journal } = this.#deps.persistence;
    let seq = this.#record.progress[key]?.seq ?? -1;
    let last: JournalEntry | undefined;
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        // the one that it was told of last may be the end
        const entries = await journal.tail(this.#record.flowId, last ? seq + 1 : Math.max(0, seq));
        for (const entry of entries) {
          if (entry.seq > seq && !(await this.#tell(key, target, entry))) return;
          last = entry;
          ({ seq } = entry);
        }
        if (last?.kind === 'terminal' && this.#newestSeq <= seq) await this.#over(key, seq);
        failures = 0;
        // a read may be old: what is known to be stored comes
        if (last === undefined || this.#newestSeq > seq) await this.#pause(limits.notifyMs.reread);
        else await this.#news(key);
      } catch (error) {
        // neither read nor written for longer than the store's own patience
        this.#deps.runtime.logger.warn('notification.failed', { jobId: this.#record.flowId, error });
        await this.#pause(Math.min(limits.notifyMs.max, limits.notifyMs.first * 2 ** failures++));
      }
    }
  }

  /** False: it was stopped. */
  async #tell(key: string, target: NotifyTarget, entry: JournalEntry): Promise<boolean> {
    const { flowId, name } = this.#record;
    const { seq, atMs } = entry;
    const events = notifiedEvents(entry).filter((event) => isAskedFor(event, target.events));
    if (events.length === 0) return true;
    const notification: Notification = { jobId: flowId, name, seq, atMs, events };
    const message = { body: JSON.stringify(notification), id: `${flowId}:${seq}` };
    const before: NotifyProgress = this.#record.progress[key] ?? { seq: -1, dead: 0 };
    const { problem: _, ...well } = before;
    for (let attempt = 1; ; attempt++) {
      await this.#stopIfLeft();
      if (this.#stop.signal.aborted) return false;
      const reason = await this.#deps.send(target, message).then(
        () => undefined,
        (error: unknown) => toFailure(error).message,
      );
      const isOver = reason === undefined || this.#isPast(atMs, attempt);
      if (reason === undefined) await this.#save({ [key]: { ...well, seq } });
      else if (isOver) await this.#giveUp(key, { ...well, seq }, reason);
      else if (attempt === 1) await this.#save({ [key]: { ...before, problem: reason } });
      if (isOver) return true;
      const pauseMs = Math.min(limits.notifyMs.max, limits.notifyMs.first * 2 ** (attempt - 1));
      await this.#pause(pauseMs * (0.5 + this.#deps.runtime.random.fraction() / 2));
    }
  }

  #isPast(atMs: number, attempt: number): boolean {
    const { afterMs, attempts } = limits.notifyGiveUp;
    return attempt >= attempts && this.#deps.runtime.clock.wallMs() - atMs > afterMs;
  }

  async #giveUp(key: string, well: NotifyProgress, reason: string): Promise<void> {
    const { clock, logger } = this.#deps.runtime;
    const { seq, dead } = well;
    logger.error('notification.dead', { jobId: this.#record.flowId, seq, target: key, reason });
    await this.#save({ [key]: { ...well, dead: dead + 1, lastDead: { seq, reason, atMs: clock.wallMs() } } });
  }

  async #over(key: string, seq: number): Promise<void> {
    this.#told.add(key);
    const isLast = this.#isOver();
    await this.#save({ [key]: { dead: 0, ...this.#record.progress[key], seq } });
    if (!isLast) return;
    if (this.#isOver()) this.stop();
    // a new life began while it was written down
    else await this.#save({});
  }

  #isOver(): boolean {
    return this.#told.size === this.#keys.length;
  }

  async #save(progress: Notifications['progress']): Promise<void> {
    const state = this.#isOver() ? 'DONE' : 'OPEN';
    this.#record = { ...this.#record, state, progress: { ...this.#record.progress, ...progress } };
    await this.#stopIfLeft();
    if (!this.#stop.signal.aborted) await this.#deps.persistence.notifications.save(this.#record);
  }

  /** Whoever owns the job by now tells of it: two would do so in two orders. */
  async #stopIfLeft(): Promise<void> {
    if (!this.#isLeaving) return;
    const { by, flowId } = this.#record;
    const standing = await this.#deps.persistence.notifications.get(flowId);
    if (this.#isLeaving && standing?.by !== by) this.stop();
  }

  /** Until an entry is stored, or it is stopped. */
  #news(key: string): Promise<void> {
    return new Promise((resolve) => {
      const others = this.#wake;
      this.#wake = () => {
        this.#wake = () => undefined;
        this.#idle.clear();
        others();
        resolve();
      };
      this.#idle.add(key);
      this.#endIfIdle();
    });
  }

  #endIfIdle(): void {
    if (this.#isLeaving && this.#idle.size === this.#keys.length) this.stop();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#deps.runtime.clock.setTimer(ms, () => {
        this.#stop.signal.removeEventListener('abort', stopped);
        resolve();
      });
      const stopped = (): void => {
        cancel();
        resolve();
      };
      this.#stop.signal.addEventListener('abort', stopped, { once: true });
      if (this.#stop.signal.aborted) stopped();
    });
  }
}
