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
  let find: () => Promise<readonly StoredDocument[]> = away;
  const store = { find: () => find() } as unknown as DocumentStore;
  const watch = new CommandWatch(new Commands({ store, runtime }), runtime.logger);
  const found: number[] = [];
  const turns = {
    lastCommand: 0,
    command: ({ n }: NumberedCommand) => void found.push((turns.lastCommand = n)),
  };
  const runner = { jobId: 'job', turns, commandsRead: () => undefined } as unknown as JobRunner;
  let underWay = 0;
  for (let looks = 0; looks < 120; looks++) {
    underWay++;
    void watch.look([runner]).then(() => underWay--);
    await clock.advance(5_000);
  }
  expect(underWay).toBeLessThanOrEqual(1);
  const body = JSON.stringify({ command: 'cancel' });
  find = () => Promise.resolve([{ _id: commandIdOf('job', 1), flowId: 'job', n: 1, at: 0, body }]);
  await clock.advance(5_000);
  void watch.look([runner]);
  await clock.advance(5_000);
  expect(found).toEqual([1]);
});
