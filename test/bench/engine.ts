/**
 * `npm run bench -- engine`: what an atom costs in the engine alone, in this process, with nothing stored. Needs no services. Options:
 * --json, --kinds linear,unordered,graph, --sizes 100,1000,10000,100000, --runs N (processes for each figure; default 3), --seconds N (how long each
 * measures each figure, at least; default 0.5). Times are CPU times, on one thread (test/support/runner/bench.ts): atoms a second are those of one
 * core that has nothing else to do. Each figure is the median of fresh processes: what the compiler of V8 makes of the engine differs from process
 * to process by a fifth. What a sample is: test/support/bench/engine-measures.ts.
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { medianOf, tableOf } from '../support/bench/distribution.js';
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
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '0.5' },
    /** What one process of this bench is told: to measure the first kind and size, and nothing else. */
    measure: { type: 'boolean', default: false },
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
const [firstKind, firstSize] = [kinds[0], sizes[0]];
if (options.measure && firstKind && firstSize) {
  console.log(JSON.stringify(await measureEngine(firstKind, firstSize, Number(options.seconds) * 1_000)));
  process.exit(0);
}
const loadBefore = loadavg()[0];
const figures = kinds.flatMap((kind) => sizes.map((atoms) => medianFigures(kind, atoms)));

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

function medianFigures(kind: FlowKind, atoms: number): EngineFigures {
  const runs = Array.from({ length: Number(options.runs) }, () => inFreshProcess(kind, atoms));
  const median = (figure: (figures: EngineFigures) => number): number => medianOf(runs.map(figure));
  const runMicros = median((f) => f.runMicros);
  return {
    kind,
    atoms,
    atomsPerSecond: Math.round(1e6 / runMicros),
    compileMicros: median((f) => f.compileMicros),
    stepMicros: median((f) => f.stepMicros),
    runMicros,
    compiledBytes: median((f) => f.compiledBytes),
    stateBytes: median((f) => f.stateBytes),
  };
}

function inFreshProcess(kind: FlowKind, atoms: number): EngineFigures {
  const { seconds } = options;
  const measure = ['--measure', '--kinds', kind, '--sizes', String(atoms), '--seconds', seconds];
  const command = [...process.execArgv, fileURLToPath(import.meta.url), ...measure];
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as EngineFigures;
}

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
    'engine alone, in process, serial, no-op tasks, one core; CPU time an atom, median of several processes',
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
