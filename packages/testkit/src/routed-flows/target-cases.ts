/** M32 of control-flow.md section 19: an ordered flow, and what runs of it when one of its atoms is the target. */
import { type FlowDefinition, parseFlowYaml } from '@baton/flow';

const parsed = parseFlowYaml(`
baton: 1
flow: chain
atoms:
  a: { task: echo, inject: { value: 1 }, requires: [value], provides: x }
  b: { task: echo, rebind: { value: x }, provides: y }
  c: { task: echo, inject: { value: 3 }, requires: [value], after: a, provides: z }
  d: { task: echo, rebind: { value: y }, after: [b], provides: w }
`);

export const chain = parsed as FlowDefinition;

/** Target, and what its run gives: as many values as atoms run. */
export const targets = [
  ['a', { x: 1 }],
  ['b', { x: 1, y: 1 }],
  ['c', { x: 1, z: 3 }],
  ['d', { x: 1, y: 1, w: 1 }],
] as const;
