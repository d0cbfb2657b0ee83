/**
 * What an atom costs in the engine: compiling, `step` alone, and a whole run of the serial engine. Times are CPU times of the process,
 * garbage collection included: on a machine with other work to do, the time that passes says little.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compile, newRun, runDefinition, step, type Compiled, type Event } from '@baton/engine';
import { task, type FlowDefinition, type NodeDefinition, type RunnableTask } from '@baton/flow';

export const flowKinds = ['linear', 'unordered', 'graph'] as const;
export type FlowKind = (typeof flowKinds)[number];

/** Times in microseconds of CPU an atom, memory in bytes an atom. */
export interface EngineFigures {
  readonly kind: FlowKind;
  readonly atoms: number;
  readonly atomsPerSecond: number;
  readonly compileMicros: number;
  readonly stepMicros: number;
  /** Everything from the compiled flow to the report: checking, `step`, calls of tasks, the list of transitions. */
  readonly runMicros: number;
  readonly compiledBytes: number;
  /** A run that is over, with the results of its tasks. */
  readonly stateBytes: number;
}

export async function measureEngine(kind: FlowKind, atoms: number, forMs: number): Promise<EngineFigures> {
  const definition = definitionOf(kind, atoms);
  const compileMicros = await best(atoms, forMs, () => void compile(definition));
  const compiled = compile(definition);
  const flow = { definition, compiled, tasks: [noop], store: {} };
  const runMicros = await best(atoms, forMs, async () => {
    const { outcome } = await runDefinition(flow);
    if (outcome !== 'SUCCESS') throw new Error(`the flow ended ${outcome}`);
  });
  return {
    kind,
    atoms,
    atomsPerSecond: Math.round(1e6 / runMicros),
    compileMicros,
    stepMicros: await best(atoms, forMs, () => void stepThrough(compiled)),
    runMicros,
    compiledBytes: bytesOf(atoms, () => compile(definition)),
    stateBytes: bytesOf(atoms, () => stepThrough(compiled)),
  };
}

const noop = task('noop', { execute: () => 1 }) as RunnableTask;

/** In a graph every atom takes the symbol of the one at half its number: a binary tree. */
function definitionOf(kind: FlowKind, atoms: number): FlowDefinition {
  const source = (index: number): number => (kind === 'linear' ? index - 1 : (index - 1) >> 1);
  const children = Array.from({ length: atoms }, (_, index): NodeDefinition => ({
    kind: 'task',
    name: `atom${index}`,
    task: 'noop',
    provides: { [`symbol${index}`]: null },
    ...(kind !== 'unordered' &&
      index > 0 && { requires: ['input'], rebind: { input: `symbol${source(index)}` } }),
  }));
  const links = Array.from({ length: atoms - 1 }, (_, index) => ({ from: source(index + 1), to: index + 1 }));
  return { schemaVersion: 1, root: { kind, name: kind, children, ...(kind === 'graph' && { links }) } };
}

function stepThrough(compiled: Compiled): unknown {
  // as many as the serial engine has outstanding
  const state = newRun(compiled, { flowId: 'bench', store: {}, outstandingMax: 250 });
  let events: Event[] = [{ type: 'run' }];
  while (events.length > 0) {
    const next: Event[] = [];
    for (const event of events)
      for (const command of step(state, event).commands)
        if (command.type === 'execute')
          next.push({ type: 'completed', requestId: command.requestId, value: { data: 1 } });
    events = next;
  }
  if (state.flow !== 'SUCCESS') throw new Error(`the flow ended ${state.flow}`);
  return state;
}

/** So many atoms are one sample, whatever the size of the flow: garbage is collected about as often in each. */
const sampleAtoms = 100_000;

/** The cheapest of at least three samples, after one that does not count: what else the machine does only ever adds. */
async function best(atoms: number, forMs: number, run: () => void | Promise<void>): Promise<number> {
  const repeats = Math.max(1, Math.round(sampleAtoms / atoms));
  const sample = async (): Promise<number> => {
    collect();
    const before = process.cpuUsage();
    for (let repeat = 0; repeat < repeats; repeat++) await run();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  await sample();
  const samples: number[] = [];
  const until = performance.now() + forMs;
  while (samples.length < 3 || performance.now() < until) samples.push(await sample());
  return Number((Math.min(...samples) / (repeats * atoms)).toFixed(2));
}

/** Of several when one is small, so that what else the heap holds does not show. */
function bytesOf(atoms: number, make: () => unknown): number {
  const copies = Math.max(1, Math.round(sampleAtoms / atoms));
  make();
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: copies }, make);
  collect();
  const after = process.memoryUsage().heapUsed;
  return kept.length === copies ? Math.round((after - before) / (copies * atoms)) : NaN;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
