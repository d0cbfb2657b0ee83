/**
 * `npm run bench -- engine`: what an atom costs in the engine alone, in this process, with nothing stored. Needs no services. Options:
 * --json, --kinds linear,unordered,graph, --sizes 100,1000,10000,100000, --seconds N (how long each figure is measured, at least; default 1).
 * Times are CPU times, on one thread (test/support/runner/bench.ts): atoms a second are those of one core that has nothing else to do.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { tableOf } from '../support/bench/distribution.js';
import {
  type EngineFigures,
  type FlowKind,
  flowKinds,
  measureEngine,
} from '../support/bench/engine-measures.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    kinds: { type: 'string', default: flowKinds.join(',') },
    sizes: { type: 'string', default: '100,1000,10000,100000' },
    seconds: { type: 'string', default: '1' },
  },
});

/** TaskFlow 6, in memory, serial engine, linear flow: ms an atom by number of atoms. */
const taskflowMs: Readonly<Record<number, number>> = { 1000: 11, 3000: 54 };
const goals = {
  run: '200 × TaskFlow at 1,000 linear atoms: ≤ 55 µs an atom',
  flat: '≤ 1.5 × the cost at 1,000',
};

const kinds = options.kinds.split(',') as FlowKind[];
const sizes = options.sizes.split(',').map(Number);
const loadBefore = loadavg()[0];
const figures: EngineFigures[] = [];
for (const kind of kinds)
  for (const atoms of sizes) figures.push(await measureEngine(kind, atoms, Number(options.seconds) * 1_000));

const taskflow = Object.entries(taskflowMs).flatMap(([atoms, ms]) => {
  const ours = figureOf('linear', Number(atoms));
  return ours
    ? [{ atoms: Number(atoms), taskflowMs: ms, times: Math.round((ms * 1_000) / ours.runMicros) }]
    : [];
});
const flat = kinds.flatMap((kind) => {
  const [small, large] = [figureOf(kind, 1_000), figureOf(kind, 100_000)];
  if (!small || !large) return [];
  const ratio = (cost: (figures: EngineFigures) => number) => Number((cost(large) / cost(small)).toFixed(2));
  return [
    {
      kind,
      compile: ratio((f) => f.compileMicros),
      step: ratio((f) => f.stepMicros),
      run: ratio((f) => f.runMicros),
    },
  ];
});
const machine = { loadBefore, loadAfter: loadavg()[0] };
console.log(
  options.json ? JSON.stringify({ bench: 'engine', goals, machine, figures, taskflow, flat }) : asText(),
);

function figureOf(kind: FlowKind, atoms: number): EngineFigures | undefined {
  return figures.find((figure) => figure.kind === kind && figure.atoms === atoms);
}

function asText(): string {
  const rows = figures.map(({ kind, atoms, ...figure }) => [
    `${kind} ${atoms.toLocaleString('en')}`,
    figure.atomsPerSecond.toLocaleString('en'),
    figure.runMicros,
    figure.stepMicros,
    figure.compileMicros,
    figure.compiledBytes,
    figure.stateBytes,
  ]);
  return [
    'engine alone, in process, serial, no-op tasks, one core; CPU time an atom, the best of several samples',
    tableOf([['', 'atoms/s', 'run µs', 'of it step µs', 'compile µs', 'compiled B', 'run B'], ...rows]),
    ...taskflow.map(
      ({ atoms, taskflowMs: ms, times }) =>
        `${atoms.toLocaleString('en')} linear atoms: ${times} × TaskFlow (${ms} ms an atom); goal ${goals.run}`,
    ),
    tableOf([
      [`cost at 100,000 atoms ÷ at 1,000 (goal ${goals.flat})`, 'run', 'step', 'compile'],
      ...flat.map(({ kind, run, step, compile }) => [kind, run, step, compile]),
    ]),
    `load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
  ].join('\n\n');
}
