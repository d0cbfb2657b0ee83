import { codeOf } from '@baton/core';
import { expect, it } from '@jest/globals';
import { compileAny, validateAny } from '../any-run.js';
import { next, routed } from '../../../testkit/src/routed-flows/routed.js';

function refusal(root: unknown, given: readonly string[] = []): [string | undefined, string] {
  try {
    validateAny(compileAny({ schemaVersion: 1, root } as never), given);
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
  return [undefined, 'was taken'];
}

it.each([
  ['a transition to nowhere', { a: { onSuccess: next('x') } }, 'UNKNOWN_NODE', 'a leads to x'],
  ['a reserved name', { fail: {} }, 'ROUTE', 'cannot be called fail'],
  [
    'a join of more than lead to it',
    { a: { onSuccess: next('j') }, j: { join: 2 } },
    'ROUTE',
    'joins 2 of 1',
  ],
  ['a join that nothing leads to', { j: { join: 'all' } }, 'ROUTE', 'nothing leads to it'],
  [
    'a join on a cycle',
    { s: { onSuccess: next('j') }, j: { join: 'all', onSuccess: next('k') }, k: { onSuccess: next('j') } },
    'ROUTE',
    'j joins on a cycle',
  ],
  [
    'no start',
    { a: { onSuccess: next('b') }, b: { onSuccess: next('a') } },
    'ROUTE',
    'no atom to start with',
  ],
  [
    'a guard that is no CEL',
    { a: { onSuccess: next({ b: '1 +' }) }, b: {} },
    'EXPRESSION',
    'the guard a → b',
  ],
  ['a function that is not there', { a: { input: { x: '${now()}' } } }, 'EXPRESSION', 'calls now'],
  ['an insertion without its end', { a: { input: { x: 'a ${b' } } }, 'EXPRESSION', 'without its }'],
  ['a field that is not known', { a: { onSucces: next('a') } }, 'INVALID', 'did you mean onSuccess?'],
] as const)('is refused: %s', (_what, atoms, code, message) => {
  const [found, said] = refusal(routed(atoms as never));
  expect(found).toBe(`BATON_DEFINITION_${code}`);
  expect(said).toContain(message);
});

it('wants its inputs, and no others (C-601)', () => {
  const flow = routed({ a: {} }, { requires: ['x'], optional: { y: 1 } });
  expect(refusal(flow)).toEqual(['BATON_DEFINITION_MISSING_REQUIREMENT', 'flow is not given x']);
  expect(refusal(flow, ['x', 'z'])[1]).toBe('flow has no input z; its inputs: x, y');
  expect(refusal(flow, ['x'])[0]).toBeUndefined();
});

it('a start may be named, but no join', () => {
  const turn = { a: { onSuccess: next('b') }, b: { onSuccess: next({ a: 'false' }, 'j') }, j: { join: 1 } };
  expect(refusal(routed(turn, { start: ['b'] }))[0]).toBeUndefined();
  expect(refusal(routed(turn, { start: ['j'] }))[1]).toContain('is a join');
});
