import type { ReplyMessage } from '@baton/core';
import { fakeRuntime } from '@baton/testkit';
import { expect, it } from '@jest/globals';
import { Adoption } from './adoption.js';
import { WorkerRoster } from './worker-roster.js';

it('takes answers from the inbox of a former owner, and no signs of life: they do not tell where the next one goes', async () => {
  const { clock, logger, random } = fakeRuntime();
  const kinds = ['accepted', 'progress', 'heartbeat', 'result', 'refused', 'unknown'];
  const taken: string[] = [];
  const adoption = new Adoption({
    ...{ clock, logger, roster: new WorkerRoster(random), refreshWorkers: () => Promise.resolve() },
    dispatcher: {} as never,
    replay: {
      read: (_partition: number, _from: number, onReply: (message: ReplyMessage, at: number) => void) => {
        kinds.forEach((kind, at) => onReply({ kind } as ReplyMessage, at));
        return Promise.resolve();
      },
    } as never,
    onReply: ({ kind }) => taken.push(kind),
  });
  await adoption.replay([{ partition: 0, from: 0 }]);
  expect(taken).toEqual(['result', 'refused', 'unknown']);
});
