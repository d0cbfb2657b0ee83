/**
 * Purpose: tells the guard which journal entry of each job was accepted last, for whoever takes the jobs over when this process is dead.
 * States: quiet → due (something changed; said within `periodMs`) → quiet, or blocked until the pipe has drained.
 * What is authoritative: the journal. A hint that is late or lost costs its reader a round trip.
 * On failure: what cannot be said waits, bounded; the oldest is forgotten.
 *
 * A turn pays for one `Map.set`; what is written is one message for all that changed in a period, and nothing while nothing changes.
 */
import type { Clock } from '@baton/core';
import { headsPerMessageMax, type HeadChange } from './guard-message.js';
import { recentHeadsMax } from './recent-heads.js';

const periodMs = 10;

export class HeadNews {
  readonly #clock: Clock;
  /** False when the pipe is full: `drained` follows. */
  readonly #send: (heads: readonly HeadChange[]) => boolean;
  readonly #changes = new Map<string, number | null>();
  #isBlocked = false;
  #stopTimer: (() => void) | undefined;

  constructor(options: { clock: Clock; send: (heads: readonly HeadChange[]) => boolean }) {
    this.#clock = options.clock;
    this.#send = options.send;
  }

  /** Entry `seq` of the job's journal is stored. */
  changed(jobId: string, seq: number): void {
    this.#note(jobId, seq);
  }

  /** The job is not owned here any more. */
  gone(jobId: string): void {
    this.#note(jobId, null);
  }

  /** The pipe takes more. */
  drained(): void {
    this.#isBlocked = false;
    if (this.#changes.size > 0) this.#saySoon();
  }

  close(): void {
    this.#stopTimer?.();
    this.#isBlocked = true;
  }

  #note(jobId: string, seq: number | null): void {
    this.#changes.set(jobId, seq);
    if (this.#changes.size > recentHeadsMax) this.#forgetOldest();
    if (this.#stopTimer === undefined && !this.#isBlocked) this.#saySoon();
  }

  #forgetOldest(): void {
    for (const jobId of this.#changes.keys()) return void this.#changes.delete(jobId);
  }

  #saySoon(): void {
    this.#stopTimer ??= this.#clock.setTimer(periodMs, () => {
      this.#stopTimer = undefined;
      this.#say();
    });
  }

  #say(): void {
    const heads: HeadChange[] = [];
    for (const change of this.#changes) {
      if (heads.length === headsPerMessageMax) break;
      heads.push(change);
      this.#changes.delete(change[0]);
    }
    this.#isBlocked = !this.#send(heads);
    if (this.#changes.size > 0 && !this.#isBlocked) this.#saySoon();
  }
}
