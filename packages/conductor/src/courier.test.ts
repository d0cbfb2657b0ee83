import { expect, it } from '@jest/globals';
import type { JournalEntry, Notification } from '@baton/core';
import type { Notifications } from '@baton/persistence';
import { fakeRuntime } from '@baton/testkit';
import { claimEntry, fenceOf, terminalEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { Courier } from './courier.js';

it('goes on when a new life of the job begins while it is written down that all were told of the end', async () => {
  const runtime = fakeRuntime();
  const at = { flowId: 'j', fence: fenceOf(1) };
  const journal: JournalEntry[] = [claimEntry({ ...at, seq: 0 }), terminalEntry({ ...at, seq: 1 })];
  const told: number[] = [];
  const saved: Notifications['state'][] = [];
  let written: () => void = () => undefined;
  const persistence = {
    journal: { tail: (_: string, seq: number) => Promise.resolve(journal.slice(seq)) },
    notifications: {
      get: () => Promise.resolve(undefined),
      save: ({ state }: Notifications) => {
        saved.push(state);
        return state === 'DONE' ? new Promise<void>((resolve) => (written = resolve)) : Promise.resolve();
      },
    },
  };
  const send = (_: unknown, { body }: { readonly body: string }) => {
    told.push((JSON.parse(body) as Notification).seq);
    return Promise.resolve();
  };
  const targets = { a: { url: 'https://hooks.example.com', events: ['*'] } };
  const record = { flowId: 'j', board: 'b', name: 'n', state: 'OPEN', targets: [], progress: {} } as const;
  const courier = new Courier({ runtime, persistence: persistence as never, send, targets }, record);
  courier.stored(1);
  await runtime.clock.advanceUntil(() => saved.includes('DONE'));
  journal.push(claimEntry({ ...at, seq: 2 }));
  courier.stored(2);
  written();
  await runtime.clock.advance(1_000);
  expect(saved.at(-1)).toBe('OPEN');
  journal.push(terminalEntry({ ...at, seq: 3 }));
  courier.stored(3);
  await runtime.clock.advanceUntil(() => saved.at(-1) === 'DONE');
  written();
  await runtime.clock.drive(courier.ended);
  expect(told).toEqual([1, 3]);
});
