/** Flows of the benches; the tasks are in tasks.mjs. */
import type { Value } from '@baton/core';
import { linear, task, type, unordered, type FlowDefinition, type RoutedFlowDefinition } from '@baton/flow';

/** Every task gets an argument of 100 bytes. */
export const text = 'x'.repeat(100);
export const textStore: Readonly<Record<string, Value>> = { text: { data: text } };

const requires = { text: type<string>() };
const noop = task('noop', { requires, execute: () => null });
const stamp = task('stamp', { requires, execute: () => null });
const sleep = task('sleep', { requires: { ...requires, ms: type<number>() }, execute: () => null });

function atoms(count: number, of: typeof noop | typeof stamp) {
  return Array.from({ length: count }, (_, n) => of.as(`step-${n + 1}`));
}

export function steps(count: number, { stamped = false } = {}): FlowDefinition {
  return linear(`steps-${count}`)
    .addAll(atoms(count, stamped ? stamp : noop))
    .toJSON();
}

export function fan(count: number): FlowDefinition {
  return linear('fan-and-join')
    .add(unordered('fan').addAll(atoms(count, noop)), noop.as('join'))
    .toJSON();
}

/** One task that takes its time. */
export const nap: FlowDefinition = linear('nap')
  .add(task('nap', { requires: { ...requires, ms: type<number>() }, execute: () => null }))
  .toJSON();

/** 1 MiB of results, of which a last task takes a half. */
export function megabyte(): FlowDefinition {
  const blob = (name: string) => task('blob', { requires, provides: name, execute: () => new Uint8Array() });
  const blobs = ['b1', 'b2', 'b3', 'b4'].map((name) => blob(name).as(name));
  const two = { one: type<Uint8Array>(), other: type<Uint8Array>() };
  const weigh = task('weigh', { requires: two, rebind: { one: 'b1', other: 'b4' }, execute: () => 0 });
  return linear('megabyte')
    .addAll(blobs)
    .add(weigh as never)
    .toJSON();
}

/** One task that takes its time, and one after it. */
export const sleepThenNoop: FlowDefinition = linear('sleep').add(sleep, noop.as('after')).toJSON();

export function sleepStore(ms: number): Readonly<Record<string, Value>> {
  return { ...textStore, ms: { data: ms } };
}

/** Waits for an answer, and says when it goes on. */
export const askThenStamp: RoutedFlowDefinition = {
  schemaVersion: 1,
  root: {
    kind: 'routed',
    name: 'ask',
    requires: ['text'],
    atoms: [
      { name: 'ask', delegate: 'ask', onSuccess: { next: [{ to: 'stamp' }] } },
      { name: 'stamp', task: 'stamp', input: { text: { expr: 'text' } } },
    ],
  },
};
