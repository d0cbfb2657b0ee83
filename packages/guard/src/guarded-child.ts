/**
 * Purpose: one child of a guard, in a process group of its own, from its start to the moment when nothing of it runs any more.
 * States: running → ended (final). `ended` resolves after the child has been reaped, its group killed and its last words read.
 * What is authoritative: waitpid, through Node's 'exit' event; the last session the child announced.
 * On failure: a child that stalls (no progress for `hangMs`) is killed; one that cannot be started has ended with 127.
 * Not here: what to do about its session, and whether to start another (run-guarded.ts).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Clock, Logger, SessionToken } from '@baton/core';
import { guardMessageReader } from './guard-message.js';
import { RecentHeads } from './recent-heads.js';

/** How long the last words in the pipe are waited for. */
const lastWordsMs = 100;
/** How long the rest of a killed group is waited for. It runs no more, but until its new parent has reaped it, it counts. */
const remainsMs = 20;
/** A guard that was itself asleep finds its alarm due and the child's messages unread: it looks once more before it kills. */
const secondLookMs = 100;

/** A guard does not know what its child runs; in most cases it is a worker, and it is this. */
const stallRemedy =
  "its event loop did not turn for hangMs; a task that blocks it for so long needs isolation: 'thread' or 'process'";

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Longest silence of a child that has had a session, in ms; 0 = no limit. */
  readonly hangMs: number;
}

export interface ChildEnd {
  /** Exit code; 128 + number of the signal that ended it. */
  readonly code: number;
  /** The session to end: the last one it announced and did not take back. */
  readonly token: SessionToken | undefined;
  readonly stalled: boolean;
  /** What it had stored of its jobs' journals, as far as it said: newest entry by job, the last that changed first. */
  readonly heads: Heads;
}

export type Heads = readonly (readonly [jobId: string, seq: number])[];

export class GuardedChild {
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #hangMs: number;
  readonly #heads = new RecentHeads();
  #token: SessionToken | undefined;
  /** It has had a session: from then on its silence counts. */
  #hasHeld = false;
  #stalled = false;
  #stopAlarm: () => void = () => undefined;

  constructor(
    { command, args, env, hangMs }: GuardedCommand,
    { clock, logger }: { clock: Clock; logger: Logger },
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.#hangMs = hangMs;
    this.#child = spawn(command, args, {
      detached: true, // its own process group: a Ctrl-C at the terminal reaches the guard only
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      ...(env === undefined ? {} : { env }),
    });
    this.ended = this.#watch();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the child and whatever it has started, at once. */
  kill(): void {
    // once reaped, its number may be somebody else's
    if (this.#child.exitCode === null && this.#child.signalCode === null) killGroup(this.#child.pid);
  }

  async #watch(): Promise<ChildEnd> {
    const exited = new Promise<number>((resolve) => {
      this.#child.once('exit', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
      this.#child.once('error', (error) => {
        this.#logger.error('guard.child.not_started', { error: error.message });
        resolve(127);
      });
    });
    const pipe = this.#child.stdio[3] as Readable | undefined;
    const silent = new Promise<void>((resolve) => {
      if (pipe === undefined) resolve();
      else pipe.once('close', resolve).on('error', () => undefined);
    });
    const read = guardMessageReader((message) => {
      if (message.type === 'session') this.#token = message.token ?? undefined;
      if (message.type === 'heads') this.#heads.apply(message.heads);
      // while it starts, loading its tasks may take as long as it likes: it has nothing yet that would have to be freed
      if (this.#token !== undefined) this.#hasHeld = true;
      if (this.#hasHeld) this.#expectProgress();
    });
    pipe?.setEncoding('utf8').on('data', read);

    const code = await exited;
    this.#stopAlarm();
    const killed = killGroup(this.#child.pid);
    // an announcement made just before the end may still be in the pipe; a descendant that left the group may keep it open
    await this.#atMost(silent);
    if (killed) await this.#groupGone();
    pipe?.destroy();
    return { code, token: this.#token, stalled: this.#stalled, heads: this.#heads.entries() };
  }

  #expectProgress(): void {
    if (this.#hangMs === 0) return;
    this.#stopAlarm();
    this.#stopAlarm = this.#clock.setTimer(this.#hangMs, () => {
      this.#stopAlarm = this.#clock.setTimer(secondLookMs, () => {
        this.#stalled = true;
        this.#logger.error('guard.child.stalled', {
          pid: this.#child.pid,
          hangMs: this.#hangMs,
          remedy: stallRemedy,
        });
        this.kill();
      });
    });
  }

  async #atMost(something: Promise<void>): Promise<void> {
    let stop: () => void = () => undefined;
    const limit = new Promise<void>((resolve) => (stop = this.#clock.setTimer(lastWordsMs, resolve)));
    await Promise.race([something, limit]);
    stop();
  }

  /** Killed is not yet gone: what the child had started must not run on beside its next delivery. */
  async #groupGone(): Promise<void> {
    const started = this.#clock.monotonicMs();
    while (killGroup(this.#child.pid)) {
      if (this.#clock.monotonicMs() - started > remainsMs) return;
      await new Promise<void>((resolve) => this.#clock.setTimer(1, resolve));
    }
  }
}

/** Whether there was anybody left in the group. */
function killGroup(leader: number | undefined): boolean {
  if (leader === undefined) return false;
  try {
    process.kill(-leader, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
