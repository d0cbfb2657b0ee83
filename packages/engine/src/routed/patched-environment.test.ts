import { expect, it } from '@jest/globals';
import { patchedEnvironment } from './patched-environment.js';
import type { RoutedState } from './routed-state.js';

const half = 'x'.repeat(10 * 1024);
const state = { flowId: 'f', env: { a: half, b: '${kept}' } } as unknown as RoutedState;

it('an environment takes keys as they are given, and keeps the others (C-711)', () => {
  expect(patchedEnvironment(state, { a: '${1}', c: null })).toEqual({ a: '${1}', b: '${kept}', c: null });
  expect(patchedEnvironment(state, undefined)).toBeUndefined();
});

it('an environment grows by changes to the size that it may have when it is posted, and no further', () => {
  expect(() => patchedEnvironment(state, { c: half })).toThrow(
    expect.objectContaining({ code: 'BATON_CONFLICT_NOT_REPAIRABLE' }),
  );
});
