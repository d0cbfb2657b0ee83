import { expr, graph, linear, retry, task } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { runFlow } from './run-flow.js';

/** The inner controller is left out, alone; what it controls runs in each round of the outer one. */
it('what an ignored controller controls has another idempotency key in each round (S12)', async () => {
  const keys: string[] = [];
  const inner = task('inner', {
    execute: (_, { idempotencyKey }) => void keys.push(idempotencyKey),
    revert: () => undefined,
  });
  let rounds = 0;
  const last = task('last', {
    execute: () => {
      if (++rounds === 1) throw new Error('not the first time');
    },
  });
  const first = task('first', { execute: () => undefined });
  const scope = linear('scope', { retry: retry.times(2) }).add(inner);
  const flow = linear('outer', { retry: retry.times(2) }).add(
    graph('middle')
      .add(first, scope)
      .link(first, scope, { decider: expr('false'), depth: 'atom' }),
    last,
  );
  const { outcome } = await runFlow(flow, { store: {} });
  expect({ outcome, keys: new Set(keys).size, ran: keys.length }).toEqual({
    outcome: 'SUCCESS',
    keys: 2,
    ran: 2,
  });
});
