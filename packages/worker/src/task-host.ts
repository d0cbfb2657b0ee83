/**
 * Purpose: one thread or process for isolated tasks, as the worker sees it.
 * States: starting → ready ⇄ busy → killed → ended (final).
 * On failure: one that is not ready in time is killed, and so is one that says that it cannot load its module. A kill may be in vain: Node does
 *   not interrupt a thread in a native call. One that goes on for 5 s is *stuck*.
 * Not here: what an end means for a task (isolated-attempt.ts), which host a task gets (task-hosts.ts).
 */
import type { Runtime } from '@baton/core';
import type { AbortKind } from './abort-reason.js';
import type { FromHost, HostPort, RunMessage, StartHost } from './host-messages.js';
import { limits } from './options.js';
import type { IsolatedTask } from './registered-task.js';

/** What is said of one run. */
export type RunNews = Extract<FromHost, { readonly run: number }>;

/** Whoever has something run. Hears nothing after `ended`, or after what became of the host. */
export interface RunListener {
  readonly onNews: (news: RunNews) => void;
  readonly onHostEnded: (how: string) => void;
  /** It was killed and goes on. */
  readonly onHostStuck: () => void;
}

export class TaskHost {
  readonly isolation: IsolatedTask['isolation'];
  /** Rejects with the reason, an `Error` for people, when it ends before it is ready. */
  readonly ready: Promise<void>;
  /** How it ended, for people. */
  readonly ended: Promise<string>;
  /** Resolves when it was killed and goes on. */
  readonly stuck: Promise<void>;
  readonly #port: HostPort;
  readonly #runtime: Pick<Runtime, 'clock' | 'logger'>;
  #isKilled = false;
  #tellStuck: () => void = () => undefined;
  #cancelKillTimer: () => void = () => undefined;
  #how: string | undefined;
  #run = 0;
  #task: string | undefined;
  /** Not kept when its run is over: a warm host may live for weeks, and what it has run has arguments. */
  #listener: RunListener | undefined;

  constructor(
    place: Parameters<StartHost>[0],
    { start, runtime }: { readonly start: StartHost; readonly runtime: Pick<Runtime, 'clock' | 'logger'> },
  ) {
    this.isolation = place.isolation;
    this.#runtime = runtime;
    this.stuck = new Promise((resolve) => (this.#tellStuck = resolve));
    let tellReady: () => void = () => undefined;
    let unfit: string | undefined;
    const ready = new Promise<void>((resolve) => (tellReady = resolve));
    this.#port = start(place, (message) => {
      if (message.type === 'ready') tellReady();
      else if (message.type === 'log') runtime.logger[message.level](message.message, message.fields);
      else if (message.type === 'unfit') {
        unfit = message.reason;
        this.kill();
      } else this.#hear(message);
    });
    const cancelTimer = runtime.clock.setTimer(limits.hostStartMs, () => {
      unfit = `not ready after ${limits.hostStartMs} ms`;
      this.kill();
    });
    this.ended = this.#port.ended.then((how) => {
      this.#how = unfit ?? how;
      this.#cancelKillTimer();
      this.#takeListener()?.onHostEnded(this.#how);
      return this.#how;
    });
    const failed = this.ended.then((how) => Promise.reject(new Error(how)));
    this.ready = Promise.race([ready, failed]).finally(cancelTimer);
    this.ready.catch(() => undefined); // told to whoever waits for it
  }

  /** Neither ended nor killed. */
  get isAlive(): boolean {
    return this.#how === undefined && !this.#isKilled;
  }

  /** What it runs, or ran last; undefined before the first. */
  get task(): string | undefined {
    return this.#task;
  }

  /** One at a time. */
  run(what: Pick<RunMessage, 'request' | 'worker' | 'limits'>, listener: RunListener): void {
    if (this.#how !== undefined) return listener.onHostEnded(this.#how);
    this.#listener = listener;
    this.#task = what.request.task;
    this.#port.send({ type: 'run', run: ++this.#run, ...what });
  }

  abort(kind: AbortKind, message: string): void {
    this.#port.send({ type: 'abort', run: this.#run, kind, message });
  }

  kill(): void {
    if (this.#how !== undefined) return;
    this.#port.kill();
    if (this.#isKilled) return;
    this.#isKilled = true;
    this.#cancelKillTimer = this.#runtime.clock.setTimer(limits.hostEndMs, () => {
      this.#tellStuck();
      this.#takeListener()?.onHostStuck();
    });
  }

  #hear(news: RunNews): void {
    if (news.run !== this.#run) return;
    const listener = news.type === 'ended' ? this.#takeListener() : this.#listener;
    listener?.onNews(news);
  }

  #takeListener(): RunListener | undefined {
    const listener = this.#listener;
    this.#listener = undefined;
    return listener;
  }
}
