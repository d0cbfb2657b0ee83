/** What the smallest flows that show a rule of TaskFlow do. */
import { failureOf, type JsonValue } from '@baton/core';
import type { FlowDefinition, NodeDefinition, TaskDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compile } from './compile.js';
import type { LocalFunctions } from './local-functions.js';
import type { Command, Event } from './protocol.js';
import { newRun } from './run-state.js';
import { step } from './step.js';
import { missingDependencies } from './validate.js';

const task = (name: string, more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  kind: 'task',
  name,
  ...more,
});
const of = (root: NodeDefinition): FlowDefinition => ({ schemaVersion: 1, root });

/** Carries everything out, an atom of `fails` each time with a failure; what the engine asked for, in order. */
function played(
  root: NodeDefinition,
  { functions = {}, fails = [] }: { functions?: LocalFunctions; fails?: readonly string[] } = {},
) {
  const state = newRun(compile(of(root)), { flowId: 'f', store: {}, functions });
  const commands: Command[] = [];
  const events: Event[] = [{ type: 'run' }];
  for (const event of events)
    for (const command of step(state, event).commands) {
      commands.push(command);
      if (command.type !== 'execute' && command.type !== 'revert') continue;
      const { requestId, atom, type } = command;
      const value: { data: JsonValue } = { data: requestId };
      if (type === 'execute' && fails.includes(atom))
        events.push({ type: 'failed', requestId, failure: failureOf('X', 'boom') });
      else events.push({ type: 'completed', requestId, value });
    }
  const asked = commands.flatMap((command) =>
    command.type === 'execute' || command.type === 'revert' ? [command.requestId] : [],
  );
  const last = commands.at(-1);
  return { state, commands, asked, end: last?.type === 'finish' ? last : undefined };
}

it.each(['linear', 'unordered', 'graph'] as const)('an empty %s flow succeeds at once (E-208)', (kind) => {
  const { commands } = played({ kind, name: 'f', children: [{ kind, name: 'inner', children: [] }] });
  expect(commands).toEqual([{ type: 'finish', outcome: 'SUCCESS', failures: [] }]);
});

it('equal definitions compile to equal graphs, numbers included (E-309)', () => {
  const definition = of({
    kind: 'graph',
    name: 'f',
    retry: { kind: 'times', attempts: 2 },
    children: [task('b'), { kind: 'unordered', name: 'g', children: [task('c'), task('d')] }, task('a')],
    links: [{ from: 2, to: 1 }],
  });
  const copy = JSON.parse(JSON.stringify(definition)) as FlowDefinition;
  expect(compile(copy).nodes).toEqual(compile(definition).nodes);
});

it('of two earlier providers the latest is read (E-411)', () => {
  const gives = { provides: { x: null } };
  const children = [task('one', gives), task('two', gives), task('reads', { requires: ['x'] })];
  const { commands } = played({ kind: 'linear', name: 'f', children });
  expect(commands.filter(({ type }) => type === 'execute').at(-1)).toMatchObject({
    args: { x: { value: { data: 'f/two/execute/0.1' } } },
  });
});

it('what only a sibling of an unordered flow provides is missing (E-415)', () => {
  const children = [task('gives', { provides: { x: null } }), task('reads', { requires: ['x'] })];
  const missing = missingDependencies(compile(of({ kind: 'unordered', name: 'f', children })), []);
  expect(missing.map(({ atom, symbol }) => [atom, symbol])).toContainEqual(['reads', 'x']);
});

describe('a decider of a link to a flow is asked for', () => {
  const asked = (inner: NodeDefinition): number => {
    let times = 0;
    const functions = { deciders: { d: () => ++times > 0 } };
    const links = [{ from: 0, to: 1, decider: { local: 'd' } }];
    played({ kind: 'graph', name: 'f', children: [task('a'), inner], links }, { functions });
    return times;
  };
  const children = [task('b'), task('c')];

  it('each atom that it begins with (E-502)', () => {
    expect(asked({ kind: 'unordered', name: 'g', children })).toBe(2);
    expect(asked({ kind: 'linear', name: 'g', children })).toBe(1);
  });

  it('its retry alone, if it has one (E-502)', () => {
    expect(asked({ kind: 'unordered', name: 'g', children, retry: { kind: 'alwaysRevert' } })).toBe(1);
  });
});

it('a controller without a value to try fails, and the one around it decides (E-616, E-642)', () => {
  const { asked, end } = played({
    kind: 'linear',
    name: 'f',
    retry: { kind: 'times', attempts: 2 },
    children: [
      task('a'),
      { kind: 'linear', name: 'g', retry: { kind: 'forEach', name: 'r', values: [] }, children: [task('b')] },
    ],
  });
  expect(asked).toEqual(['f/a/execute/1.1', 'f/a/revert/1.1', 'f/a/execute/2.1', 'f/a/revert/2.1']);
  expect(end?.outcome).toBe('REVERTED');
  expect(end?.failures.map(({ atom, types }) => [atom, types[0]])).toEqual([['r', 'NotFound']]);
});

it('a failure under no controller undoes all that ran, in the other order (E-604)', () => {
  const children = [task('a'), task('b'), task('c')];
  const { asked, end } = played({ kind: 'linear', name: 'f', children }, { fails: ['b'] });
  expect(asked).toEqual(['a/execute', 'b/execute', 'b/revert', 'a/revert'].map((what) => `f/${what}/0.1`));
  expect(end?.outcome).toBe('REVERTED');
});
