/**
 * Purpose: a child process that ends with us, even when we are ended by SIGKILL: it is started through leash.sh, which
 * holds the reading end of a pipe whose writing end only this process has.
 * States: running → ended (final). On failure to start (no such command) it ends at once with code 127.
 * Not here: readiness, restarts, ports (service.ts).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const leash = fileURLToPath(new URL('leash.sh', import.meta.url));

export interface LeashedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and error are appended to this file; without it they are ours. */
  readonly logFile?: string;
  /** Given instead each line of standard error; standard output is dropped. */
  readonly onErrorLine?: (line: string) => void;
  /** Removed when this process ends without having ended the child itself. */
  readonly folder?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export class LeashedProcess {
  #code: number | undefined;

  private constructor(
    /** Of the command itself, not of its leash. */
    readonly pid: number,
    /** Resolves with the exit code (128 + signal number when it was killed) once it is gone. */
    readonly ended: Promise<number>,
    /** Nobody holds its standard error any more. Known with `onErrorLine` only. */
    readonly silent: Promise<void>,
  ) {
    void ended.then((code) => (this.#code = code));
  }

  static async start({
    command,
    args,
    logFile,
    onErrorLine,
    folder,
    cwd,
    env,
  }: LeashedCommand): Promise<LeashedProcess> {
    const log = logFile === undefined ? undefined : openSync(logFile, 'a');
    const output = onErrorLine
      ? (['ignore', 'pipe'] as const)
      : ([log ?? 'inherit', log ?? 'inherit'] as const);
    // a process group of its own: a Ctrl-C at the terminal reaches the runner only, which then ends things in order
    const holder = spawn('/bin/sh', [leash, folder ?? '', command, ...args], {
      detached: true,
      stdio: ['pipe', ...output, 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    });
    if (log !== undefined) closeSync(log);
    holder.stdin?.on('error', () => undefined); // the leash is gone already: nothing left to tell it
    const ended = once(holder, 'exit').then(([code]: (number | null)[]) => {
      holder.stdin?.end('keep\n');
      endGroup(holder.pid); // what the command started and left behind
      return code ?? 137;
    });
    const silent = once(holder, 'close').then(() => undefined);
    if (onErrorLine && holder.stderr) createInterface({ input: holder.stderr }).on('line', onErrorLine);
    const lines = createInterface({ input: holder.stdio[3] as Readable });
    const [line] = (await once(lines, 'line')) as [string];
    return new LeashedProcess(Number(line), ended, silent);
  }

  get isRunning(): boolean {
    return this.#code === undefined;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) return;
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      // gone this moment: its leash is about to tell
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Ends it and its process group at once, whatever state it is in. Idempotent. */
  async end(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // nobody left
  }
}
