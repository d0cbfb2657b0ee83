import { describe, expect, it } from '@jest/globals';
import { failureOf, type Fact } from '@baton/core';
import {
  claimEntry,
  fenceOf,
  postEntry,
  succeeded,
  terminalEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';
import { FlowView } from './flow-view.js';

const fence = fenceOf(3);
const failed = (atom: string): Fact => ({
  fact: 'atom',
  atom,
  from: 'RUNNING',
  to: 'FAILURE',
  failure: failureOf('BOOM', `${atom} broke`),
});

function viewOf(facts: readonly Fact[], view = new FlowView('f')): FlowView {
  view.apply(postEntry('f'));
  view.apply(claimEntry({ flowId: 'f', seq: 1, fence, facts }));
  return view;
}

describe('FlowView', () => {
  it('folds post, claims, states and failures', () => {
    const view = viewOf([{ fact: 'flow', from: 'PENDING', to: 'RUNNING' }, succeeded('a'), failed('b')]);
    view.apply(claimEntry({ flowId: 'f', seq: 2, fence: fenceOf(4) }));
    expect(view.detail).toMatchObject({
      name: 'sample',
      state: 'RUNNING',
      owner: 'member-4',
      claims: 2,
      seq: 2,
      counts: { SUCCESS: 1, FAILURE: 1 },
      failures: [{ atom: 'b', code: 'BOOM', message: 'b broke' }],
    });
    expect(view.isOver).toBe(false);
  });

  it('keeps the failure of an atom that is being undone, and drops it when the atom succeeds after all', () => {
    const view = viewOf([failed('a'), { fact: 'atom', atom: 'a', from: 'FAILURE', to: 'REVERTED' }]);
    expect(view.detail).toMatchObject({ counts: { REVERTED: 1 }, failures: [{ atom: 'a' }] });
    view.apply(turnEntry({ flowId: 'f', seq: 2, fence, facts: [succeeded('a')] }));
    expect(view.detail.failures).toEqual([]);
  });

  it('puts everything back to PENDING when the flow begins afresh; the scope of one controller it does not know', () => {
    expect(viewOf([succeeded('a'), { fact: 'scope', to: 'RESET' }]).detail.counts).toEqual({ PENDING: 1 });
    const round: Fact = { fact: 'scope', of: 'retry', to: 'RESET' };
    expect(viewOf([succeeded('a'), round]).detail.counts).toEqual({ SUCCESS: 1 });
  });

  it('ignores what it has folded already', () => {
    const view = viewOf([succeeded('a')]);
    const before = view.detail;
    view.apply(turnEntry({ flowId: 'f', seq: 1, fence, facts: [failed('a')] }));
    expect(view.detail).toEqual(before);
  });

  it('tells why a run ended without the engine', () => {
    const view = viewOf([]);
    const last = terminalEntry({ flowId: 'f', seq: 2, fence }, 'FAILURE');
    view.apply({ ...last, reason: failureOf('POISON', 'x'.repeat(5_000)) });
    expect(view.isOver).toBe(true);
    expect(view.detail).toMatchObject({ outcome: 'FAILURE', failures: [{ code: 'POISON' }] });
    expect(view.detail.failures[0]?.message.length).toBeLessThan(600);
  });
});
