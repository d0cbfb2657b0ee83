/**
 * `npm run bench -- expressions`: what the dearest conditions cost, each in fresh processes, before the engine is compiled, and once more when it
 * is. Needs no services. Options: --json, --runs N (processes for each expression; default 5).
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hostileExpressions } from '../../packages/engine/src/fixtures/hostile-expressions.js';
import { distributionOf, tableOf } from '../support/bench/distribution.js';
import {
  type ExpressionFigures,
  measureExpression,
  referenceMs,
} from '../support/bench/expression-measures.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
    /** What one process of this bench is told: the expression it measures. */
    only: { type: 'string' },
  },
});

const hostile = hostileExpressions[Number(options.only)];
if (hostile) console.log(JSON.stringify(measureExpression(hostile)));
else report();

function report(): void {
  const reference = referenceMs();
  const loadBefore = loadavg()[0];
  const rows = hostileExpressions.map(({ name }, index) => {
    const runs = Array.from({ length: Number(options.runs) }, () => inFreshProcess(index));
    const of = (figure: (run: ExpressionFigures) => number) => distributionOf(runs.map(figure), 1);
    return {
      name,
      end: runs[0]?.end,
      steps: runs[0]?.steps,
      cold: of((run) => run.coldMs),
      warm: of((run) => run.warmMs),
    };
  });
  const machine = { referenceMs: reference, loadBefore, loadAfter: loadavg()[0] };
  if (options.json)
    return console.log(JSON.stringify({ bench: 'expressions', goal: '≤ 50 ms of CPU', machine, rows }));
  console.log(
    [
      'hostile conditions, ms of CPU from text to end: in a fresh process, and the sixth time; goal ≤ 50 ms',
      tableOf([
        ['', 'cold p50', 'max', 'warm p50', 'max', 'steps', 'end'],
        ...rows.map(({ name, cold, warm, steps, end }) => [
          name,
          cold?.p50,
          cold?.max,
          warm?.p50,
          warm?.max,
          steps,
          end,
        ]),
        [
          'the dearest',
          ...(['cold', 'warm'] as const).flatMap((kind) => [
            '',
            Math.max(...rows.map((row) => row[kind]?.max ?? 0)),
          ]),
        ],
      ]),
      `this machine: reference work ${reference} ms of CPU (2 to 4 on an idle core of today); load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
    ].join('\n\n'),
  );
}

function inFreshProcess(index: number): ExpressionFigures {
  const command = [...process.execArgv, fileURLToPath(import.meta.url), '--only', String(index)];
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ExpressionFigures;
}
