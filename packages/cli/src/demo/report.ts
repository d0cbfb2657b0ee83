/** The end of the demo: what was promised against what is on disk, in the ledger and in the logs of this run. No constants. */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyRelease } from './archives.js';
import { checkEffects, type EffectsReport, type ExpectedJob } from './effects.js';
import type { Failover } from './failovers.js';
import { readLedger } from './ledger.js';
import type { Performance } from './performance.js';
import type { PlannedJob } from './release.js';
import { redeliveredIn, type JobModel } from './run-model.js';
import { stagingOf, type Workplace } from './workplace.js';

export interface DemoReport {
  readonly jobs: { readonly posted: number; readonly success: number; readonly reverted: number };
  readonly failovers: readonly Failover[];
  /** Requests that went on under a new owner without being run again. */
  readonly adopted: number;
  /** Requests that were sent a second time. */
  readonly redelivered: number;
  /** Effects that are missing. */
  readonly lost: number;
  /** Effects that were done to their end more than once. */
  readonly doubled: number;
  readonly doubledEffects: EffectsReport['doubled'];
  readonly effects: number;
  readonly archives: number;
  /** Every archive, checksum, signature and file of the fan-out was read back, and the refused release has left nothing. */
  readonly verified: boolean;
  /** Why the demo has failed; empty when it has not. */
  readonly problems: readonly string[];
}

/** A planned job with the id it was posted under. */
export interface PostedJob extends PlannedJob {
  readonly jobId: string;
}

export async function reportOn(
  performance: Performance,
  posted: readonly PostedJob[],
  o: { readonly place: Workplace; readonly wantedFailovers: readonly Failover['kind'][] },
): Promise<DemoReport> {
  const jobs = [...performance.jobs.values()];
  const effects = checkEffects(readLedger(o.place.ledger), posted.map(expectedOf), performance.killedPids);
  const onDisk = (await Promise.all(posted.map((job) => problemsOnDisk(job, o.place)))).flat();
  const { failovers } = performance;
  const count = (outcome: JobModel['outcome']): number =>
    jobs.filter((job) => job.outcome === outcome).length;
  const problems = [
    ...posted.flatMap((job) => wrongOutcome(job, performance.jobs.get(job.jobId))),
    ...effects.lost.slice(0, 10).map((effect) => `lost: ${effect}`),
    ...effects.doubled
      .filter(({ byKill }) => !byKill)
      .map((effect) => `done ${effect.times} times without a kill: ${effect.requestId}`),
    ...onDisk,
    ...o.wantedFailovers
      .filter((kind) => !failovers.some((failover) => failover.kind === kind))
      .map((kind) => `no ${kind} was taken over`),
  ];
  return {
    jobs: { posted: jobs.length, success: count('SUCCESS'), reverted: count('REVERTED') },
    failovers,
    adopted: failovers
      .filter(({ kind }) => kind === 'conductor')
      .reduce((sum, { requests }) => sum + requests, 0),
    redelivered: redeliveredIn(jobs),
    lost: effects.lost.length,
    doubled: effects.doubled.length,
    doubledEffects: effects.doubled,
    effects: effects.done,
    archives: posted
      .filter(({ kind }) => kind === 'release')
      .reduce((sum, { source }) => sum + (source?.files.length ?? 0), 0),
    verified: onDisk.length === 0,
    problems,
  };
}

/** The gate never ends well and has nothing to undo. */
function expectedOf({ jobId, kind, atoms }: PostedJob): ExpectedJob {
  const executed = atoms.filter((atom) => atom !== 'gate');
  return { flowId: jobId, executed, reverted: kind === 'refused' ? executed : [] };
}

function wrongOutcome({ name, kind }: PostedJob, job: JobModel | undefined): string[] {
  const wanted = kind === 'refused' ? 'REVERTED' : 'SUCCESS';
  return job?.outcome === wanted ? [] : [`${name} ended ${job?.outcome ?? 'not at all'}, expected ${wanted}`];
}

async function problemsOnDisk(job: PostedJob, place: Workplace): Promise<readonly string[]> {
  const published = join(place.output, job.name);
  switch (job.kind) {
    case 'release':
      return verifyRelease(published, { key: await readFile(place.key), files: job.source?.files ?? [] });
    case 'refused':
      return [published, stagingOf(place, job.name).folder]
        .filter((path) => existsSync(path))
        .map((path) => `the refused release has left ${path}`);
    case 'fan-out': {
      const present = (await readdir(place.effects)).filter((name) => !name.startsWith('.')).length;
      return present === job.atoms.length
        ? []
        : [`${present} of ${job.atoms.length} files of the fan-out are there`];
    }
  }
}

/** The report as people read it, for 80 columns. */
export function reportText(report: DemoReport): string {
  const { jobs, failovers, problems } = report;
  return [
    '',
    `jobs      ${jobs.posted} posted: ${jobs.success} succeeded, ${jobs.reverted} reverted as designed`,
    ...failovers.flatMap(failoverText),
    `tasks     ${report.adopted} adopted by a new owner, ${report.redelivered} sent a second time`,
    `effects   ${report.effects} done, ${report.lost} lost, ${report.doubled} done twice`,
    ...report.doubledEffects.slice(0, 10).map(doubledText),
    `archives  ${report.archives} read back: ${report.verified ? 'checksums, manifests and signatures are right,' : 'NOT as they should be'}`,
    ...(report.verified ? ['          and the refused release has left nothing'] : []),
    ...problems.map((problem) => `problem   ${problem}`),
    problems.length === 0 ? 'Nothing was lost.' : 'THE DEMO HAS FAILED.',
    '',
  ].join('\n');
}

function failoverText({ kind, member, guardMs, ...failover }: Failover): string[] {
  const phases =
    kind === 'conductor'
      ? `claimed +${failover.claimMs}, resumed +${failover.resumeMs}`
      : `sent again +${failover.resumeMs}`;
  const guard = guardMs === undefined ? '' : `, guard done at ${guardMs} ms`;
  return [
    `failover  ${kind} ${member} in ${failover.totalMs} ms: ${failover.jobs} jobs, ${failover.requests} tasks`,
    `          seen after ${failover.detectMs} ms, ${phases}${guard}`,
  ];
}

function doubledText({ requestId, workers, byKill }: EffectsReport['doubled'][number]): string {
  return `          ${requestId} on ${workers.join(', then ')}${byKill ? ': killed before its answer' : ''}`;
}
