/** `baton example nightly`, on a cluster of its own: an embedded server, two conductors, a worker. */
import { UnavailableError } from '@baton/core';
import type { Command } from 'commander';
import { Stage } from '../demo/stage.js';
import { nightlyTasks, playNightly } from '../examples/nightly.js';
import { exitCodes } from '../exit-codes.js';
import { Invocation } from '../invocation.js';
import type { Run } from '../run.js';

const deadlineMs = 60_000;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function addNightlyExample(example: Command, run: Run): void {
  example
    .command('nightly')
    .description('a fan-out over folders, written in YAML, posted by a schedule')
    .action(run(play));
}

async function play(invocation: Invocation): Promise<number> {
  const quit = new AbortController();
  const interrupt = (): void => quit.abort(new Interrupted());
  const late = `the example did not end within ${deadlineMs / 1_000} s`;
  const deadline = setTimeout(
    () => quit.abort(new UnavailableError('BATON_UNAVAILABLE_DEADLINE', late)),
    deadlineMs,
  );
  for (const signal of stopSignals) process.on(signal, interrupt);
  const { environment, output } = invocation;
  const stage = await Stage.open({
    environment: environment.forChildren,
    logger: invocation.logger('command'),
    embedded: true,
  });
  let inner: Invocation | undefined;
  try {
    stage.variables = { BATON_LOCAL_SOCKET: stage.address ?? '' };
    for (const id of ['c1', 'c2']) stage.start('conductor', id);
    stage.start('worker', 'w1', ['--tasks', nightlyTasks]);
    inner = new Invocation(environment, {}, { 'local.socket': stage.address ?? '' });
    const isForPeople = output.format === 'table';
    const tell = (line: string): void => {
      if (isForPeople) output.item({}, [line]);
    };
    const played = playNightly({
      ...{ client: await inner.client(), program: environment.program, signal: quit.signal, tell },
    });
    const result = await unlessAborted(played, quit.signal);
    if (!isForPeople) output.one(result, { text: '', name: 'nightly' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof Interrupted) return exitCodes.interrupted;
    throw error;
  } finally {
    clearTimeout(deadline);
    for (const signal of stopSignals) process.off(signal, interrupt);
    await inner?.close();
    await stage.close();
  }
}

/** Told to stop. */
class Interrupted extends Error {}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      const stop = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
    }),
  ]);
}
