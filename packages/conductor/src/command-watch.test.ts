import { expect, it } from '@jest/globals';
import { UnavailableError, type DocumentStore, type StoredDocument } from '@baton/core';
import { commandIdOf, Commands, type NumberedCommand } from '@baton/persistence';
import { fakeRuntime } from '@baton/testkit';
import { CommandWatch } from './command-watch.js';
import type { JobRunner } from './job-runner.js';

const away = () => Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));

/** Ten minutes without a store, looked at every five seconds. */
it('does not pile up looks while the store is away, and finds what came meanwhile', async () => {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  let get: (ids: readonly string[]) => Promise<readonly (StoredDocument | undefined)[]> = away;
  const store = { get: (_: string, ids: readonly string[]) => get(ids) } as unknown as DocumentStore;
  const watch = new CommandWatch(new Commands({ store, runtime }), runtime.logger);
  const { runner, found } = looked();
  let underWay = 0;
  for (let looks = 0; looks < 120; looks++) {
    underWay++;
    void watch.look([runner]).then(() => underWay--);
    await clock.advance(5_000);
  }
  expect(underWay).toBeLessThanOrEqual(1);
  const body = JSON.stringify({ command: 'cancel' });
  const stored = { _id: commandIdOf('job', 1), flowId: 'job', n: 1, at: 0, body };
  get = (ids) => Promise.resolve(ids.map((id) => (id === stored._id ? stored : undefined)));
  await clock.advance(5_000);
  void watch.look([runner]);
  await clock.advance(5_000);
  expect(found).toEqual([1]);
});

/** Or a job would fall asleep over its answer, be woken for it, fall asleep again, and be poison in the end. */
it('has looked when it says so, though another look was under way', async () => {
  const { logger } = fakeRuntime();
  const answers: ((commands: readonly NumberedCommand[]) => void)[] = [];
  const commands = {
    after: () => new Promise<readonly NumberedCommand[]>((resolve) => answers.push(resolve)),
  } as unknown as Commands;
  const watch = new CommandWatch(commands, logger);
  const { runner, found } = looked();
  const first = watch.look([runner]);
  let hasLooked: boolean | undefined;
  const second = watch.look([runner]).then((isRead) => (hasLooked = isRead));
  answers.shift()?.([]);
  await new Promise(setImmediate);
  expect([hasLooked, answers.length]).toEqual([undefined, 1]);
  answers.shift()?.([{ n: 1, atMs: 0, command: 'cancel' }]);
  await Promise.all([first, second]);
  expect([hasLooked, found]).toEqual([true, [1]]);
});

function looked(): { readonly runner: JobRunner; readonly found: readonly number[] } {
  const found: number[] = [];
  const turns = {
    lastCommand: 0,
    command: ({ n }: NumberedCommand) => void found.push((turns.lastCommand = n)),
  };
  return { runner: { jobId: 'job', turns, commandsRead: () => undefined } as unknown as JobRunner, found };
}
