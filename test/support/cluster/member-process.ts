/**
 * Purpose: one `baton conductor run` or `baton worker run` as a test sees it: guard and child, their log lines, and every way to kill them. On a leash:
 * both end with this process, however it ends, and even if they are stopped.
 * What is authoritative: the log lines; each says which process wrote it. The pipe they come through is held by guard and child, so its
 * end says that nothing of both runs any more.
 */
import { fileURLToPath } from 'node:url';
import type { Readiness } from '@baton/core';
import { eventually } from '@baton/testkit';
import { LeashedProcess } from '../services/leashed-process.js';

export const baton = fileURLToPath(new URL('../../../packages/cli/bin/baton.mjs', import.meta.url));

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly pid?: number;
  readonly kind?: string;
  readonly [field: string]: unknown;
}

export interface MemberStart {
  readonly kind: 'conductor' | 'worker';
  readonly id: string;
  /** Further arguments of the command. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Removed when this process ends without having ended the member. */
  readonly folder: string;
}

export class MemberProcess {
  readonly id: string;
  readonly lines: LogLine[] = [];
  /** Exit code of what was started (the guard, or the member without one); 128 + signal number after a signal. */
  readonly exited: Promise<number>;
  /** Nothing of it runs any more. */
  readonly gone: Promise<void>;
  readonly #kind: MemberStart['kind'];
  readonly #started: Promise<LeashedProcess>;
  #guardPid: number | undefined;
  #isGone = false;

  constructor({ kind, id, args, env, cwd, folder }: MemberStart) {
    this.id = id;
    this.#kind = kind;
    this.#started = LeashedProcess.start({
      command: process.execPath,
      args: [baton, kind, 'run', ...args],
      cwd,
      env: { ...env, BATON_MEMBER_ID: id },
      folder,
      onErrorLine: (line) => this.lines.push(parse(line)),
    });
    this.exited = this.#started.then(({ ended }) => ended);
    this.gone = this.#started.then(async ({ pid, silent }) => {
      this.#guardPid = pid;
      await silent;
      this.#isGone = true;
    });
  }

  /** Of the process that was started: the guard, or without one the member itself. */
  get guardPid(): number {
    if (this.#guardPid === undefined) throw new Error(`${this.id} is being started`);
    return this.#guardPid;
  }

  /** Of the member: the latest child that has logged anything. */
  get pid(): number {
    const pid = this.lines.findLast((line) => line.kind === this.#kind)?.pid;
    if (pid === undefined) throw new Error(`${this.id} has logged nothing yet`);
    return pid;
  }

  /** Resolves when the child that runs now (another one than `after`) is registered. */
  async ready({ after }: { readonly after?: number } = {}): Promise<void> {
    // a process that starts beside many others on few cores may be given a tenth of one
    await this.logged(`${this.#kind}.ready`, (line) => line.pid !== after, { withinMs: 120_000 });
  }

  /** The first line of that message that matches, from `from` on. */
  async logged(
    message: string,
    matches: (line: LogLine) => boolean = () => true,
    { withinMs = 30_000, from = 0 } = {},
  ): Promise<LogLine> {
    return eventually(
      () => this.lines.find((line, index) => index >= from && line.message === message && matches(line)),
      { withinMs, what: `${this.id} logs ${message}` },
    ).catch((cause: unknown) => {
      throw new Error(
        `${this.id} did not log ${message} within ${withinMs} ms. Its log ends:\n${this.tail()}`,
        {
          cause,
        },
      );
    });
  }

  /** What it answers on its health port (`health.listen`). */
  async readiness(): Promise<Readiness> {
    const { port } = await this.logged('health.listening', ({ pid }) => pid === this.pid);
    const response = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
    return (await response.json()) as Readiness;
  }

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  /** The end of its log, for people who look for the reason of a failure. */
  tail(lines = 20): string {
    return this.lines
      .slice(-lines)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  killChild(): void {
    process.kill(this.pid, 'SIGKILL');
  }

  killGuard(): void {
    process.kill(this.guardPid, 'SIGKILL');
  }

  /** As when the host dies. The guard first: it must not see its child die. */
  killBoth(): void {
    const { pid } = this;
    this.killGuard();
    process.kill(pid, 'SIGKILL');
  }

  /** What an operator, or an orchestrator, does. */
  terminate(): void {
    process.kill(this.guardPid, 'SIGTERM');
  }

  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Kills whatever still runs and waits for its end. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#isGone) return;
    const { pid: guard } = await this.#started;
    const child = this.lines.findLast((line) => line.kind === this.#kind)?.pid;
    for (const pid of [guard, child]) if (pid !== undefined) killQuietly(pid);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.id} left a process behind`)), 10_000);
    });
    await Promise.race([this.gone, late]).finally(() => clearTimeout(timer));
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'text', message: line };
  }
}
