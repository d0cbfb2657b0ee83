/**
 * `npm run bench -- dormant`: jobs that wait for an answer, on the real services with real processes: memory of each process with none and with all of
 * them waiting, and how soon one goes on that was answered. Options: --jobs N, --samples N (answered one at a time), --json.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { BenchCluster } from '../support/bench/bench-cluster.js';
import { distributionColumns, distributionRow, tableOf } from '../support/bench/distribution.js';
import { dormancy } from '../support/bench/dormant-measures.js';
import { storeProduct } from '../support/bench/store-product.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '10000' },
    samples: { type: 'string', default: '200' },
  },
});

const loadBefore = loadavg()[0];
const bench = new BenchCluster({});
try {
  await Promise.all([bench.conductor(), bench.conductor(), bench.worker()]);
  const figures = await dormancy(bench, { jobs: Number(options.jobs), samples: Number(options.samples) });
  const machine = { store: await storeProduct(), loadBefore, loadAfter: loadavg()[0] };
  if (options.json) console.log(JSON.stringify({ bench: 'dormant', machine, ...figures }));
  else {
    const { jobs, seconds, memory, kibPerJob, wake } = figures;
    const rows = Object.entries(memory).map(([id, { before, waiting }]) => [id, before, waiting]);
    const waking = wake && distributionRow('answer → next task started', wake, 'p99 ≤ 250 ms');
    console.log(
      [
        `${jobs} jobs wait: all asleep ${seconds.toSleep} s after the post, all ended ${seconds.toEnd} s after they were answered`,
        tableOf([['resident (MiB)', 'none waiting', 'all waiting'], ...rows]),
        `conductors and workers: ${kibPerJob} KiB a waiting job (goal ≤ 2)`,
        tableOf([['(ms)', ...distributionColumns, 'goal'], waking ?? []]),
        `${machine.store}; load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
      ].join('\n\n'),
    );
  }
} finally {
  await bench.dispose();
}
process.exit();
