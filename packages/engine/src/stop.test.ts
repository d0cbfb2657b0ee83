/** A person has a run end where it stands (C-1306), turn by turn; each state must be that of a fold of its facts. */
import { codeOf, type Fact } from '@baton/core';
import type { NodeDefinition, RoutedDefinition, RoutedFlowDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { next, routed } from '../../testkit/src/routed-flows/routed.js';
import { compileAny, failuresOfAny, foldAny, newAnyRun, stepAny } from './any-run.js';
import type { Command, Event } from './protocol.js';

type Root = NodeDefinition | RoutedDefinition;

function begun(root: Root, flows?: Readonly<Record<string, RoutedFlowDefinition>>) {
  const compiled = compileAny({ schemaVersion: 1, root, ...(flows && { flows }) } as RoutedFlowDefinition);
  const options = { flowId: 'f', store: {} };
  const run = newAnyRun(compiled, options);
  const facts: Fact[] = [];
  const take = (event: Event): readonly Command[] => {
    const turn = stepAny(run, event);
    facts.push(...turn.facts);
    return turn.commands;
  };
  /** Of another owner, who has only read what was stored. */
  const folded = () => {
    const other = newAnyRun(compiled, options);
    foldAny(other, facts);
    return other;
  };
  const first = take({ type: 'run' });
  return { take, folded, run, first };
}

const completed = (unit: string): Event => ({
  ...{ type: 'completed', requestId: `f/${unit}/execute/0.1` },
  value: { data: 1 },
});
const withdrawn: Event = { type: 'withdrawn', requestId: 'f/a/execute/0.1' };
const stop = (outcome: 'SUCCESS' | 'FAILURE', message?: string): Event => ({
  ...{ type: 'stop', outcome },
  ...(message !== undefined && { message }),
});
const types = (commands: readonly Command[]) => commands.map(({ type }) => type);

describe('a routed run', () => {
  const two = routed({ a: { task: 't', onSuccess: next('b') }, b: { task: 't' } }, { rollback: 'completed' });

  it.each(['SUCCESS', 'FAILURE'] as const)(
    'is %s at once; what runs is recorded, leads nowhere, and is not undone',
    (outcome) => {
      const { take, run, folded } = begun(two);
      expect(take(stop(outcome, 'enough'))).toEqual([]);
      expect(run).toMatchObject({ flow: outcome, message: 'enough' });
      expect(take(completed('a'))).toMatchObject([{ type: 'finish', outcome }]);
      expect(run).toMatchObject({ flow: outcome });
      const messages = outcome === 'FAILURE' ? ['enough'] : [];
      expect(failuresOfAny(folded()).map(({ message }) => message)).toEqual(messages);
    },
  );

  it('ends suspended or not; and nothing comes of a second stop', () => {
    const { take, run } = begun(two);
    take({ type: 'suspend' });
    take(withdrawn);
    expect(run.flow).toBe('SUSPENDED');
    expect(take(stop('FAILURE', 'no'))).toMatchObject([{ type: 'finish', outcome: 'FAILURE' }]);
    expect(take(stop('SUCCESS'))).toEqual([]);
    expect(run.flow).toBe('FAILURE');
  });

  it.each([two, routed({ a: { task: 't', forEach: { item: [1] } } })])(
    'does not wait for what no worker has (%#)',
    (root) => {
      const { take, run, first } = begun(root);
      take(stop('SUCCESS'));
      const [asked] = first;
      const requestId = asked && 'requestId' in asked ? asked.requestId : '';
      expect(take({ type: 'withdrawn', requestId })).toMatchObject([{ type: 'finish', outcome: 'SUCCESS' }]);
      expect(run).toMatchObject({ unfinished: 0 });
    },
  );

  it('has its child runs cancelled and not undone, by its next owner too', () => {
    const child: RoutedFlowDefinition = {
      schemaVersion: 1,
      root: { ...routed({ c: { task: 't' } }), name: 'child' },
    };
    const { take, folded } = begun(routed({ a: { flow: 'child' } }), { child });
    const told = { type: 'cancelChild', revert: false };
    expect(take(stop('FAILURE'))).toMatchObject([told, { type: 'finish' }]);
    expect(stepAny(folded(), { type: 'adopt' }).commands).toContainEqual(expect.objectContaining(told));
  });

  it('that is being undone is not stopped', () => {
    const { take, run } = begun(two);
    take(completed('a'));
    take({ type: 'cancel', revert: true });
    expect(() => take(stop('SUCCESS'))).toThrow(/being undone/);
    expect(run.flow).toBe('RUNNING');
  });
});

describe('an ordered run', () => {
  const task = (name: string) => ({ kind: 'task', name }) as const;
  const three: NodeDefinition = { kind: 'linear', name: 'f', children: [task('a'), task('b'), task('c')] };

  it.each(['SUCCESS', 'FAILURE'] as const)(
    'is %s; what runs is told to stop, nothing begins and nothing is undone',
    (outcome) => {
      const { take, run, folded } = begun(three);
      take(completed('a'));
      expect(types(take(stop(outcome, 'enough')))).toEqual(['abort', 'finish']);
      expect(take(completed('b'))).toEqual([]);
      expect(run.flow).toBe(outcome);
      const messages = outcome === 'FAILURE' ? ['enough'] : [];
      expect(failuresOfAny(folded()).map(({ message }) => message)).toEqual(messages);
    },
  );

  it('ends suspended or suspending', () => {
    const { take, run } = begun(three);
    take({ type: 'suspend' });
    expect(types(take(stop('FAILURE')))).toEqual(['abort', 'finish']);
    expect(run.flow).toBe('FAILURE');
  });

  it('goes on from there when it is run again: nothing of its end is left', () => {
    const { take, run } = begun(three);
    take(completed('a'));
    take(stop('FAILURE', 'enough'));
    const [asked] = take({ type: 'rerun', from: 'b' });
    expect(asked).toMatchObject({ type: 'execute', atom: 'b' });
    expect(failuresOfAny(run)).toEqual([]);
    expect(run).toMatchObject({ flow: 'RUNNING', message: undefined });
  });

  it('that is being undone is not stopped', () => {
    const { take } = begun(three);
    take(completed('a'));
    take({ type: 'cancel', revert: true });
    expect(codeOf(caught(() => take(stop('SUCCESS'))))).toBe('BATON_CONFLICT_NOT_REPAIRABLE');
  });
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
