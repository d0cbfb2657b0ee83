/**
 * What an atom costs in the engine: compiling, `step` alone, and a whole run of the serial engine. Times are CPU times of the process,
 * garbage collection included: on a machine with other work to do, the time that passes says little.
 *
 * A sample works through 100,000 atoms, whatever the size of the flow: one flow of 100,000, or a hundred flows of 1,000, each of its own. So the
 * size of a flow is all that differs: one small flow that runs again and again stays in the caches of the processor and costs about a third less
 * than one that is met for the first time. Nothing is collected on purpose between samples: with the last object of a shape, V8 drops all code
 * that was optimised for it, and 1.5 µs an atom would be its compiler at work.
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
  const copies = copiesOf(atoms);
  const definition = definitionOf(kind, atoms);
  const definitions = [definition, ...Array.from({ length: copies - 1 }, () => definitionOf(kind, atoms))];
  const compiled = compile(definition);
  const sampling = { atoms, forMs };
  const compileMicros = await best(sampling, definitions, (each) => void compile(each));
  const flows = definitions.map((each) => ({
    definition: each,
    compiled: each === definition ? compiled : compile(each),
    tasks: [noop],
    store: {},
  }));
  const runMicros = await best(sampling, flows, async (flow) => {
    const { outcome } = await runDefinition(flow);
    if (outcome !== 'SUCCESS') throw new Error(`the flow ended ${outcome}`);
  });
  return {
    kind,
    atoms,
    atomsPerSecond: Math.round(1e6 / runMicros),
    compileMicros,
    stepMicros: await best(sampling, flows, (flow) => void stepThrough(flow.compiled)),
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

/** So many atoms are one sample: garbage is collected about as often in each. */
const sampleAtoms = 100_000;

function copiesOf(atoms: number): number {
  return Math.max(1, Math.round(sampleAtoms / atoms));
}

/** The cheapest of at least three samples, after one that does not count: what else the machine does only ever adds. */
async function best<T>(
  { atoms, forMs }: { readonly atoms: number; readonly forMs: number },
  each: readonly T[],
  run: (one: T) => void | Promise<void>,
): Promise<number> {
  const sample = async (): Promise<number> => {
    const before = process.cpuUsage();
    for (const one of each) await run(one);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / (each.length * atoms);
  };
  await sample();
  const samples: number[] = [];
  const until = performance.now() + forMs;
  while (samples.length < 3 || performance.now() < until) samples.push(await sample());
  return Number(Math.min(...samples).toFixed(2));
}

/** Of several when one is small, so that what else the heap holds does not show. */
function bytesOf(atoms: number, make: () => unknown): number {
  const copies = copiesOf(atoms);
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
