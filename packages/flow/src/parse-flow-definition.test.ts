import { describe, expect, it } from '@jest/globals';
import { parseFlowDefinition, parseRoutedFlow } from './parse-flow-definition.js';

const a = { kind: 'task', name: 'a' };
const b = { kind: 'task', name: 'b' };
const flowOf = (root: unknown) => ({ schemaVersion: 1, root });

function refusal(json: unknown): { message: string; details: { path: string } } {
  try {
    parseFlowDefinition(json, { unknownFields: 'refused' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'BATON_DEFINITION_INVALID' });
    return error as { message: string; details: { path: string } };
  }
  throw new Error('was not refused');
}

describe('a flow from its author', () => {
  it.each<[string, unknown, string]>([
    ['option', { ...flowOf(a), option: {} }, 'did you mean options?'],
    ['root.require', flowOf({ ...a, require: ['x'] }), 'did you mean requires?'],
    [
      'root.retry.attempt',
      flowOf({ kind: 'linear', name: 'f', retry: { kind: 'times', attempt: 2 } }),
      'did you mean attempts?',
    ],
    ['root.timeout.banana', flowOf({ ...a, timeout: { banana: 1 } }), 'there are attemptMs, queueMs'],
    [
      'root.links[0].decider.exprs',
      flowOf({
        kind: 'graph',
        name: 'f',
        children: [a, b],
        links: [{ from: 0, to: 1, decider: { expr: 'true', exprs: 1 } }],
      }),
      'did you mean expr?',
    ],
  ])('has no fields that are not known: %s', (path, json, message) => {
    const { message: said, details } = refusal(json);
    expect(said).toContain(message);
    expect(details.path).toBe(path);
    expect(parseFlowDefinition(json)).toBe(json);
  });

  it('may have any data and any symbols where they are user data', () => {
    const root = { ...a, inject: { anything: { goes: [1] } }, provides: { x: null }, rebind: { x: 'y' } };
    expect(parseFlowDefinition(flowOf(root), { unknownFields: 'refused' })).toEqual(flowOf(root));
  });

  it('gets a readable message, however long its names are and however deep it is', () => {
    let deep: unknown = a;
    for (let depth = 0; depth < 5_000; depth++) deep = { kind: 'linear', name: 'f', children: [deep] };
    for (const json of [flowOf(deep), flowOf({ ...a, ['x'.repeat(100_000)]: 1 })]) {
      const { message, details } = refusal(json);
      expect(message.length).toBeLessThan(400);
      expect(details.path.length).toBeLessThan(200);
      expect(details.path).toMatch(/^root\..*….*/);
    }
  });
});

it.each([
  ['root.atoms', { kind: 'routed', name: 'f', atoms: [] }],
  ['root.start', { kind: 'routed', name: 'f', atoms: [{ name: 'a' }], start: [] }],
])('a routed flow must not be empty: %s', (path, root) => {
  expect(() => parseRoutedFlow(flowOf(root))).toThrow(`${path} must not be empty`);
});
