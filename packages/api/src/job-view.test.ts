import { expect, it } from '@jest/globals';
import type { Fact } from '@baton/core';
import { claimEntry, fenceOf } from '../../testkit/src/protocols/journal/sample-entries.js';
import { eventView } from './job-view.js';

it('an event shows how a run goes on, and no value, no place and no session', () => {
  const secret = { data: 'secret' };
  const facts: Fact[] = [
    {
      ...{ fact: 'activation', activation: 'a#1', from: 'RUNNING', to: 'SUCCESS', value: secret },
      ...{ published: { x: { value: secret } }, next: [{ to: 'b', event: 'success', message: 'secret' }] },
    },
    { fact: 'flow', from: 'RUNNING', to: 'FAILURE', message: 'secret', output: { x: { value: secret } } },
    {
      ...{ fact: 'request', requestId: 'f/a/execute/0.1', atom: 'a', action: 'execute', state: 'assigned' },
      ...{ delivery: 1, losses: 0, worker: 'w', workerEpoch: 'secret', requestPartition: 1 },
      ...{ replyPartition: 2, replyFrom: 3 },
    },
  ];
  const view = eventView(claimEntry({ flowId: 'f', seq: 1, fence: fenceOf(1), facts, opId: 'secret' }));
  expect(JSON.stringify(view)).not.toMatch(/secret|Partition|replyFrom/);
  expect(view).toMatchObject({
    facts: [
      { activation: 'a#1', from: 'RUNNING', to: 'SUCCESS', next: [{ to: 'b', event: 'success' }] },
      { fact: 'flow', to: 'FAILURE' },
      { atom: 'a', worker: 'w', delivery: 1 },
    ],
  });
});
