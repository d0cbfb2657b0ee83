/**
 * `npm run chaos -- [--minutes M] [--seed S] [--json] [--only TEXT]`: a real cluster under faults; see README.md. Prints a line every ten seconds and the report
 * at the end; with `--json` that is all on standard output. Exit code 1 when an invariant was broken: then the evidence is kept, and where is said.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { onInterruption } from '../support/runner/interruption.js';
import { ChaosCluster, type Keep } from './chaos-cluster.js';
import { chaosRun } from './chaos-run.js';
import { faultKinds } from './faults.js';
import { linesOf } from './report.js';

const shownMax = 40;
const usage = 'usage: npm run chaos -- [--minutes M] [--seed S] [--json] [--only TEXT]';

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '3' },
      seed: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  });
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const minutes = Number(values.minutes);
  if (!Number.isSafeInteger(seed) || !(minutes > 0)) {
    console.error(usage);
    return 2;
  }
  if (!faultKinds.some(({ name }) => name.includes(values.only))) {
    console.error(
      `no kind of fault holds "${values.only}"; there are: ${faultKinds.map(({ name }) => name).join(', ')}\n${usage}`,
    );
    return 2;
  }
  const say = (line: string): void => (values.json ? console.error(line) : console.log(line));
  say(`seed ${seed}, ${minutes} min`);
  let cluster: ChaosCluster | undefined;
  const done = onInterruption(async () => cluster?.dispose());
  let keep: Keep = 'nothing';
  try {
    say('starting services');
    cluster = await ChaosCluster.open(seed, say);
    say(`starting ${cluster.places.length} members`);
    keep = 'everything'; // until it has been judged, whatever goes wrong before
    await cluster.startMembers();
    const report = await chaosRun(cluster, { seed, minutes, only: values.only }, say);
    const { violations } = report;
    keep = violations.length > 0 ? 'evidence' : 'nothing';
    if (values.json) console.log(JSON.stringify(report));
    else for (const line of linesOf(report)) say(line);
    for (const violation of violations.slice(0, shownMax)) say(`✗ ${violation}`);
    if (violations.length > 0) say(`again: npm run chaos -- --minutes ${minutes} --seed ${seed}`);
    say(`${report.jobs.posted} passed, ${violations.length} failed`);
    return violations.length > 0 ? 1 : 0;
  } finally {
    if (keep !== 'nothing') say(`what happened is in ${cluster?.folder}`);
    if (keep === 'everything') say(`the data of the services are in ${cluster?.services.folder}`);
    await cluster?.dispose(keep);
    done();
  }
}
