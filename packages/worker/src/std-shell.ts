/**
 * Purpose: `std.shell` (C-1512), a task that a worker offers when its operator says so: one command of `/bin/sh`.
 * States: none; a process group an attempt.
 * On failure: a command that ends with another code than 0 has failed, and may be tried again. One that is told to stop gets SIGTERM, then SIGKILL, with all that
 *   it has started.
 * What guards it: it is off unless switched on; it sees of the worker's environment, where secrets are, only what `kept` names; texts for it go
 *   as `$1 $2 …`, which no shell takes for code, and not into the command; its output is bounded.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { type Clock, withDetails } from '@baton/core';
import type { TaskContext } from '@baton/flow';
import type { Arguments, RegisteredTask } from './registered-task.js';
import { checkParameters, given, isRecord, misfit, textOf } from './std-arguments.js';
import { StdTaskError } from './std-task-error.js';

/** Of each of stdout and stderr. */
const OUTPUT_BYTES_MAX = 128 * 1024;
/** Between SIGTERM and SIGKILL; a task that was told to stop has 10 s. */
const TERM_MS = 5_000;

const name = 'std.shell';
const requires = { command: given };
const optional = { args: given, env: given, input: given };

export interface ShellDeps {
  /** Of the worker; a command sees little of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, 'setTimer'>;
}

/** Gives `{ stdout, stderr }`. */
export function shellTask(deps: ShellDeps): RegisteredTask {
  return {
    ...{ name, version: '1.0', requires, optional, provides: {} },
    execute: (args, context) => run(deps, args, context),
  };
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  { environment, clock }: ShellDeps,
  args: Arguments,
  { signal, idempotencyKey }: TaskContext,
): Promise<Ended> {
  const { command, texts, env, input } = commandOf(args);
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command, 'sh', ...texts], {
      ...{ env: { ...kept(environment), ...env, BATON_IDEMPOTENCY_KEY: idempotencyKey }, detached: true },
      stdio: 'pipe',
    });
    let cancelKill: (() => void) | undefined;
    let excess: string | undefined;
    const stop = (): void => {
      killGroup(child, 'SIGTERM');
      cancelKill ??= clock.setTimer(TERM_MS, () => killGroup(child, 'SIGKILL'));
    };
    const tooMuch = (stream: string): void => {
      excess ??= `${stream} has more than ${OUTPUT_BYTES_MAX} bytes: write to a file, and give its name`;
      stop();
    };
    const stdout = collected(child.stdout, () => tooMuch('stdout'));
    const stderr = collected(child.stderr, () => tooMuch('stderr'));
    // a command need not read what it is given
    child.stdin.on('error', () => undefined).end(input);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    child.on('error', (cause) => reject(new StdTaskError('SHELL_NOT_STARTED', cause.message, { cause })));
    child.on('close', (code, by) => {
      cancelKill?.();
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return reject(signal.reason as Error);
      if (excess !== undefined)
        return reject(new StdTaskError('SHELL_TOO_LARGE', excess, { retryable: false }));
      if (code === 0) return resolve({ stdout: stdout(), stderr: stderr() });
      reject(failed(code === null ? `by ${by ?? 'a signal'}` : `with ${code}`, code, stderr()));
    });
  });
}

function commandOf(given: Arguments) {
  checkParameters(name, given, { ...requires, ...optional });
  const { command, args = [], env = {}, input = '' } = given;
  if (typeof command !== 'string' || command.trim() === '') throw misfit(name, 'command must be a text');
  if (!Array.isArray(args)) throw misfit(name, 'args must be a list of texts');
  if (!isRecord(env)) throw misfit(name, 'env must be a map of names to texts');
  if (typeof input !== 'string') throw misfit(name, 'input must be a text');
  return {
    command,
    texts: args.map((arg) => textOf(name, arg, 'args')),
    env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, textOf(name, value, 'env')])),
    input,
  };
}

/** All that it has started, too. */
function killGroup({ pid }: ChildProcessWithoutNullStreams, by: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, by);
  } catch {
    // it has ended
  }
}

/** Gives what was read so far, as text. */
function collected(stream: NodeJS.ReadableStream, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
    else tooMuch();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function failed(how: string, exitCode: number | null, stderr: string): Error {
  const said = stderr.trim().slice(-1_000);
  const error = new StdTaskError('SHELL_FAILED', `the command ended ${how}${said === '' ? '' : `: ${said}`}`);
  return withDetails(error, { exitCode, stderr: stderr.slice(-4_000) }) as Error;
}

function kept(environment: ShellDeps['environment']): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'].flatMap((variable) => {
      const value = environment[variable];
      return value === undefined ? [] : [[variable, value]];
    }),
  );
}
