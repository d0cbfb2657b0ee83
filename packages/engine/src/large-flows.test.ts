import { failureOf } from '@baton/core';
import { type FlowDefinition, flowLimits, type NodeDefinition } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { compile } from './compile.js';
import type { Command } from './protocol.js';
import { newRun } from './run-state.js';
import { step } from './step.js';
import { validate } from './validate.js';

const ATOMS = flowLimits.atomsMax;
/** Linear cost takes seconds on a busy machine; quadratic cost takes hours. The bench has the figures. */
const DEADLINE_MS = 300_000;

const tasks = (count: number, prefix = 't'): NodeDefinition[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'task', name: `${prefix}${index}` }));

const shapes: Readonly<Record<string, () => NodeDefinition>> = {
  'a chain of links, 100,000 deep': () => ({
    kind: 'graph',
    name: 'f',
    children: tasks(ATOMS),
    links: Array.from({ length: ATOMS - 1 }, (_, index) => ({ from: index, to: index + 1 })),
  }),
  'a chain through 64 nested flows, each with a retry controller': () => {
    const each = Math.floor(ATOMS / 5 / flowLimits.depthMax);
    let inside: NodeDefinition[] = [];
    for (let depth = flowLimits.depthMax; depth > 0; depth--) {
      const children = [...tasks(each, `t${depth}.`), ...inside];
      inside = [{ kind: 'linear', name: `f${depth}`, children, retry: { kind: 'alwaysRevert' } }];
    }
    return inside[0] as NodeDefinition;
  },
  '100,000 side by side': () => ({ kind: 'unordered', name: 'f', children: tasks(ATOMS) }),
};

it.each(Object.entries(shapes))(
  '%s: compiles, runs and is undone, without a deep stack',
  (_name, shape) => {
    const started = performance.now();
    const definition: FlowDefinition = { schemaVersion: 1, root: shape() };
    const compiled = compile(definition);
    validate(compiled, []);
    const { size } = compiled.atoms;
    expect(size).toBeGreaterThan(ATOMS / 5);
    const state = newRun(compiled, { flowId: 'f', store: {} });
    const commands: Command[] = [...step(state, { type: 'run' }).commands];
    let [executed, reverted] = [0, 0];
    const total = size - [...compiled.atoms.values()].filter(({ kind }) => kind === 'retry').length;
    // a queue that is only read on; shifting 100,000 commands would be the slow part
    for (const command of commands) {
      if (command.type !== 'execute' && command.type !== 'revert') continue;
      const { requestId } = command;
      const isLast = command.type === 'execute' && ++executed === total;
      if (command.type === 'revert') reverted++;
      const { commands: more } = isLast
        ? step(state, { type: 'failed', requestId, failure: failureOf('X', 'x') })
        : step(state, { type: 'completed', requestId });
      for (const next of more) commands.push(next);
    }
    expect([state.flow, executed, reverted]).toEqual(['REVERTED', total, total]);
    expect(performance.now() - started).toBeLessThan(DEADLINE_MS);
  },
  DEADLINE_MS,
);
