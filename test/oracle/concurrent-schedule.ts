/** The engine's own concurrent driver with asynchronous tasks, which end in an order that nobody planned. */
import { setImmediate } from 'node:timers/promises';
import { hash32 } from '@baton/core';
import {
  ChildRuns,
  type Compiled,
  Drive,
  type Event,
  type Outcome,
  type StoredTurn,
  TaskCalls,
} from '@baton/engine';
import type { RunnableTask } from '@baton/flow';
import { scriptedError } from './world.js';

export interface ConcurrentRun {
  take(event: Event): StoredTurn;
  body(atom: string, method: 'execute' | 'revert'): Outcome;
}

/** `seed`: of how many turns of the event loop each task takes. */
export function concurrentDrive(seed: string, { atoms }: Compiled, run: ConcurrentRun): Drive {
  const tasks = Array.from(atoms.keys(), (name) => taskOf(name, seed, run));
  return new Drive({
    turns: run,
    calls: new TaskCalls({ flowId: seed, tasks, progress: () => undefined }),
    children: new ChildRuns({ open: noChildren, reopen: noChildren }),
    concurrency: 4,
    inRounds: false,
    clock: undefined,
    notify: () => undefined,
  });
}

const noChildren = (): Promise<never> => Promise.reject(new Error('TaskFlow has no child runs'));

function taskOf(name: string, seed: string, { body }: ConcurrentRun): RunnableTask {
  let calls = 0;
  const call = async (method: 'execute' | 'revert'): Promise<unknown> => {
    const turns = hash32(`${seed}/${name}/${method}/${calls++}`) % 5;
    for (let turn = 0; turn < turns; turn++) await setImmediate();
    const outcome = body(name, method);
    if ('failure' in outcome)
      throw scriptedError(outcome.failure.types[0] ?? 'Error', outcome.failure.message);
    return outcome.value && 'data' in outcome.value ? outcome.value.data : undefined;
  };
  return {
    name,
    version: '1.0',
    requires: {},
    optional: {},
    provides: {},
    execute: () => call('execute'),
    revert: () => call('revert'),
  };
}
