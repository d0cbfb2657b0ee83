/**
 * Purpose: one conductor or worker of the demo: its guard in a process group of its own, and the guard's child, which is the member.
 * States: running → ended. A member that was killed is started anew as another of these.
 * What is authoritative: the operating system, for the end; the member's node on the board, for the child's pid.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { MemberKind } from '@baton/core';
import type { LogLine } from './failovers.js';

export interface MemberProcessOptions {
  readonly id: string;
  readonly kind: MemberKind;
  /** Arguments after `baton conductor run` or `baton worker run`. */
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly onLine: (line: LogLine, id: string) => void;
}

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const lastWordsMax = 20;
const workerNiceness = 19;

export class MemberProcess {
  readonly id: string;
  readonly kind: MemberKind;
  /** Resolves when the guard has ended. */
  readonly ended: Promise<void>;
  /** What it said that is no log line, and log lines of level error, the last of it: the reason when it does not come up. */
  readonly lastWords: string[] = [];
  #hasEnded = false;
  /** Of the member itself, the guard's child; as its first log line says. */
  #pid: number | undefined;
  readonly #guard: ChildProcess;

  constructor({ id, kind, args, environment, onLine }: MemberProcessOptions) {
    this.id = id;
    this.kind = kind;
    this.#guard = spawn(process.execPath, [program, kind, 'run', ...args], {
      detached: true, // a Ctrl-C at the terminal is the demo's
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...environment, BATON_MEMBER_ID: id, BATON_LOG_FORMAT: 'json', BATON_LOG_LEVEL: 'info' },
    });
    // elsewhere a worker has a host of its own; here its tasks must not keep conductors and services from what is shown
    if (kind === 'worker' && this.#guard.pid !== undefined) setPriority(this.#guard.pid, workerNiceness);
    this.ended = once(this.#guard, 'exit').then(() => void (this.#hasEnded = true));
    this.ended.catch(() => (this.#hasEnded = true)); // it could not be started
    const { stderr } = this.#guard;
    if (stderr)
      createInterface({ input: stderr }).on('line', (text) => {
        const line = parse(text);
        if (line !== undefined) onLine(line, id);
        if (line?.['kind'] === kind && typeof line['pid'] === 'number') this.#pid = line['pid'];
        if (line?.message === 'guard.child.ended') this.#pid = undefined; // its number may be another's soon
        if (line === undefined || line['level'] === 'error') this.#keep(text);
      });
  }

  get guardPid(): number | undefined {
    return this.#guard.pid;
  }

  /** Of the guard; undefined before its end, or when a signal ended it. */
  get exitCode(): number | undefined {
    return this.#guard.exitCode ?? undefined;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The guard goes like on a host that lost its power. Whoever calls this kills the child first. */
  killGuard(): void {
    this.#guard.kill('SIGKILL');
  }

  /** SIGKILL for the member, and for it alone. False while it starts. */
  kill(): boolean {
    if (this.#pid === undefined || this.#hasEnded) return false;
    try {
      return process.kill(this.#pid, 'SIGKILL');
    } catch {
      return false; // it has just gone by itself
    }
  }

  /** Asks it to finish and leave. */
  drain(): void {
    if (!this.#hasEnded) this.#guard.kill('SIGTERM');
  }

  /** At once: on the second signal the guard kills its child. Resolves when both are gone. */
  async end(patienceMs: number): Promise<void> {
    if (this.#hasEnded) return;
    const alarm = setTimeout(() => this.killGuard(), patienceMs);
    this.#guard.kill('SIGTERM');
    // one that has not installed its handlers yet is ended by the first
    const second = setTimeout(() => this.#guard.kill('SIGTERM'), 30);
    await this.ended.catch(() => undefined);
    clearTimeout(alarm);
    clearTimeout(second);
  }

  #keep(text: string): void {
    this.lastWords.push(text);
    if (this.lastWords.length > lastWordsMax) this.lastWords.shift();
  }
}

function parse(text: string): LogLine | undefined {
  try {
    const value = JSON.parse(text) as LogLine | null;
    return typeof value === 'object' && typeof value?.message === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
