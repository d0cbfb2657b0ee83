/**
 * `npm run bench -- overload`: more work than a cluster of two conductors and two workers can do at once, on the real services: memory of every
 * process, order, and whether all of it ends. Options: --json, --only burst,flood,slow,large,wide,long, --jobs N (of the burst), --seconds N (of the flood),
 * --places N (of each worker in the flood), --atoms N.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { BenchCluster } from '../support/bench/bench-cluster.js';
import { distributionColumns, distributionRow, tableOf } from '../support/bench/distribution.js';
import {
  burst,
  flood,
  largeResults,
  long,
  slowConsumer,
  wide,
  type OverloadFigures,
} from '../support/bench/overload-measures.js';
import { progressOver } from '../support/bench/progress.js';
import { storeProduct } from '../support/bench/store-product.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: 'burst,flood,slow,large,wide,long' },
    jobs: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    places: { type: 'string', default: '4' },
    atoms: { type: 'string', default: '10000' },
  },
});
const atoms = Number(options.atoms);
const places = Number(options.places);
const measures: Readonly<Record<string, (bench: BenchCluster) => Promise<OverloadFigures>>> = {
  burst: (bench) => burst(bench, Number(options.jobs)),
  flood: (bench) => flood(bench, { seconds: Number(options.seconds), places: 2 * places }),
  slow: (bench) => slowConsumer(bench, 20),
  large: (bench) => largeResults(bench, 200),
  wide: (bench) => wide(bench, atoms),
  long: (bench) => long(bench, atoms),
};
const parts = options.only.split(',').filter((part) => part in measures);
const begin = progressOver(parts.length);

const loadBefore = loadavg()[0];
const figures: OverloadFigures[] = [];
for (const part of parts) {
  begin(part);
  // each its own cluster: what one left in memory is not the next one's
  const env: Record<string, string> = part === 'flood' ? { BATON_WORKER_CONCURRENCY: String(places) } : {};
  const bench = new BenchCluster({ env });
  try {
    await Promise.all([bench.conductor(), bench.conductor(), bench.worker(), bench.worker()]);
    figures.push((await measures[part]?.(bench)) as OverloadFigures);
    if (!options.json) console.log(`${asText(figures.at(-1) as OverloadFigures)}\n`);
  } finally {
    await bench.dispose();
  }
}
const machine = { store: await storeProduct(), loadBefore, loadAfter: loadavg()[0] };
if (options.json) console.log(JSON.stringify({ bench: 'overload', machine, figures }));
else
  console.log(
    `${machine.store}; load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
  );
process.exit();

function asText({
  what,
  seconds,
  jobsPerSecond,
  claimed,
  latency,
  overtaken,
  memory,
}: OverloadFigures): string {
  const rows = (figures: OverloadFigures['latency']) =>
    Object.entries(figures)
      .filter(([, distribution]) => distribution !== undefined)
      .map(([priority, distribution]) => distributionRow(priority, distribution));
  return [
    `${what}: all ended well, ${seconds} s, ${jobsPerSecond} jobs/s`,
    tableOf([
      ['post to claim (s)', ...distributionColumns, ''],
      ...rows(claimed),
      ['post to end (s)'],
      ...rows(latency),
    ]),
    `most a job was overtaken by a later one of its priority (s): ${Object.entries(overtaken)
      .map((pair) => pair.join(' '))
      .join(', ')}`,
    tableOf([
      ['resident (MiB)', 'first', 'most', 'last', 'second half'],
      ...Object.entries(memory).map(([name, { first, most, last, growth }]) => [
        name,
        first,
        most,
        last,
        `× ${growth}`,
      ]),
    ]),
  ].join('\n');
}
