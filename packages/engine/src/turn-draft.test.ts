import { setFlagsFromString } from 'node:v8';
import type { Fact } from '@baton/core';
import { expect, it } from '@jest/globals';
import { compile } from './compile.js';
import { newRun } from './run-state.js';
import { step } from './step.js';

it('facts of one kind have one hidden class, though no more may follow from `{}`', () => {
  const documents = Array.from({ length: 3_000 }, (_, index) => ({ [`symbol${index}`]: null }));
  const children = ['one', 'two', 'three'].map((name) => ({ kind: 'task' as const, name, task: 'noop' }));
  const state = newRun(compile({ schemaVersion: 1, root: { kind: 'linear', name: 'flow', children } }), {
    flowId: 'f',
    store: {},
  });
  const facts: Fact[] = [...step(state, { type: 'run' }).facts];
  for (const { name } of children) {
    const requestId = `f/${name}/execute/0.1`;
    facts.push(...step(state, { type: 'completed', requestId, value: { data: 1 } }).facts);
  }
  for (const to of ['RUNNING', 'SUCCESS']) {
    const [first, ...others] = facts.filter((fact) => fact.fact === 'atom' && fact.to === to);
    expect(others).toHaveLength(2);
    expect(others.map((fact) => haveSameHiddenClass(first, fact))).toEqual([true, true]);
  }
  expect(documents).toHaveLength(3_000);
});

setFlagsFromString('--allow-natives-syntax');
const haveSameHiddenClass = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (
  one: unknown,
  other: unknown,
) => boolean;
