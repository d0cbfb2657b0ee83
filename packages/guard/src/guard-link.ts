/**
 * Purpose: the child's side of the guard (reliability section 10): tells the guard which session to end when this process dies, that its
 * event loop turns, and how far its jobs are; notices when the guard is gone.
 * States: open → gone (the pipe has ended; told once) or closed (by us).
 * On failure: a pipe that cannot be written is a guard that is gone. Nothing here throws.
 * Not here: draining. Whoever listens to `onGuardGone` drains at once: from then on only the session's time-out ends the session.
 */
import { Socket } from 'node:net';
import type { Clock, SessionToken } from '@baton/core';
import { encodeGuardMessage, guardDescriptor, type GuardMessage } from './guard-message.js';
import { HeadNews } from './head-news.js';

export interface GuardLinkOptions {
  readonly clock: Clock;
  /** How often the guard is told that we are alive: a quarter of the session's time-out (P-1004). */
  readonly progressMs: number;
}

export class GuardLink {
  /** What this process has stored of its jobs' journals: the guard leaves it to their next owner. */
  readonly heads: HeadNews;
  readonly #pipe: Socket;
  readonly #options: GuardLinkOptions;
  readonly #listeners = new Set<() => void>();
  #count = 0;
  #state: 'open' | 'gone' | 'closed' = 'open';
  #stopTimer: () => void = () => undefined;

  private constructor(pipe: Socket, options: GuardLinkOptions) {
    this.#pipe = pipe;
    this.#options = options;
    this.heads = new HeadNews({
      clock: options.clock,
      send: (heads) => this.#send({ type: 'heads', heads }),
    });
    pipe.on('drain', () => this.heads.drained());
    pipe.on('error', () => undefined); // 'close' follows
    pipe.on('close', () => this.#gone());
    pipe.resume();
    pipe.unref(); // a child ends when its work does, guard or not
    this.#progress();
  }

  /** Of a process that was started by `runGuarded`; must be called once at most. */
  static open(options: GuardLinkOptions): GuardLink {
    return new GuardLink(new Socket({ fd: guardDescriptor }), options);
  }

  /** To be called at once after every change of session; `undefined` when this process has closed its session itself. */
  announce(token: SessionToken | undefined): void {
    this.#send({ type: 'session', token: token ?? null });
  }

  /** Called once when the guard has died, in a later turn if it has already; the answer unsubscribes. */
  onGuardGone(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#state === 'gone') this.#options.clock.setImmediate(() => this.#tell());
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#state === 'open') this.#state = 'closed';
    this.heads.close();
    this.#stopTimer();
    this.#pipe.destroy();
  }

  #progress(): void {
    this.#send({ type: 'progress', count: ++this.#count });
    this.#stopTimer = this.#options.clock.setTimer(this.#options.progressMs, () => this.#progress());
  }

  /** Whether the pipe takes more at once. */
  #send(message: GuardMessage): boolean {
    return this.#state === 'open' && this.#pipe.writable && this.#pipe.write(encodeGuardMessage(message));
  }

  #gone(): void {
    this.heads.close();
    this.#stopTimer();
    if (this.#state !== 'open') return;
    this.#state = 'gone';
    this.#tell();
  }

  #tell(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
