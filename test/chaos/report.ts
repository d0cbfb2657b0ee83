/** What a run of chaos came to, for people and as JSON. */
import { compareFences, formatFence, parseFence, type Fence } from '@baton/core';
import { distributionOf, type Distribution } from '../support/bench/distribution.js';
import type { JobEvidence } from '../simulation/checker/evidence.js';
import type { StruckFault } from './faults.js';
import type { Gathered } from './gather.js';
import type { Attempt } from './journal-tap.js';
import { requestsAtTakeovers, type RequestsAtTakeovers } from './requests-at-takeovers.js';
import { takeoversOf } from './takeovers.js';
import type { PostedJob } from './users.js';

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly faultsStruck: number;
  readonly sigkills: number;
  readonly jobs: Readonly<Record<'posted' | 'lost' | 'poisoned', number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly calls: number;
  /** `keyed`: as a system sees it that knows idempotency keys; `asIs`: calls that went well for the second time under one key. */
  readonly doubledEffects: { readonly keyed: number; readonly asIs: number };
  readonly illegalTransitions: number;
  /** Of former owners. */
  readonly staleWrites: { readonly tried: number; readonly accepted: number };
  readonly requestsAtTakeovers: RequestsAtTakeovers;
  /** ms from the fault to the claim entry of the next owner, by what struck the former one. */
  readonly takeovers: Readonly<Record<string, Distribution>>;
  /** Jobs that changed hands although nothing had struck their owner: a busy machine can cost a session. */
  readonly unexplainedTakeovers: number;
  readonly violations: readonly string[];
}

export interface ReportInput {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly StruckFault[];
  readonly jobs: readonly PostedJob[];
  readonly gathered: Gathered;
  readonly violations: readonly string[];
}

export function reportOf({ seed, minutes, faults, jobs, gathered, violations }: ReportInput): ChaosReport {
  const { evidence, attempts, lines } = gathered;
  const { ms, unexplained } = takeoversOf(evidence, faults);
  const ends = evidence.jobs.map(({ entries }) => entries.at(-1)?.entry);
  const count = (pattern: RegExp): number => violations.filter((violation) => pattern.test(violation)).length;
  return {
    seed,
    minutes,
    faults: countedBy(faults, ({ kind }) => kind),
    faultsStruck: faults.length,
    sigkills: faults.reduce((sum, { kills }) => sum + kills, 0),
    jobs: {
      posted: jobs.length,
      lost: jobs.filter(({ told }) => told === undefined).length,
      poisoned: ends.filter((last) => last?.kind === 'terminal' && last.reason?.code === 'POISON').length,
    },
    outcomes: countedBy(jobs, ({ told }) => told?.outcome ?? 'none'),
    calls: lines.filter(({ phase }) => phase === 'start').length,
    doubledEffects: {
      keyed: evidence.jobs.reduce((sum, { job }) => sum + repeated(evidence.world.standing(job.jobId)), 0),
      asIs: repeated(lines.filter(({ phase }) => phase === 'end').map(({ key }) => key)),
    },
    illegalTransitions: count(/^I(04|05|11|14) /),
    staleWrites: { tried: staleWrites(attempts, evidence.jobs).length, accepted: count(/^I0[12] /) },
    requestsAtTakeovers: requestsAtTakeovers(evidence),
    takeovers: Object.fromEntries(
      Object.entries(ms).flatMap(([cause, took]) => {
        const figures = distributionOf(took, 0);
        return figures === undefined ? [] : [[cause, figures]];
      }),
    ),
    unexplainedTakeovers: unexplained,
    violations,
  };
}

/** Writes that found the entry of a later owner where they wanted theirs. */
function staleWrites(attempts: readonly Attempt[], jobs: readonly JobEvidence[]): readonly Attempt[] {
  const stored = new Map<string, { readonly opId: string; readonly fence: Fence }>();
  for (const { entries } of jobs)
    for (const { entry } of entries) stored.set(`${entry.flowId}:${entry.seq}`, entry);
  return attempts.filter(({ flowId, seq, opId, fence }) => {
    const found = stored.get(`${flowId}:${seq}`);
    if (found === undefined || (found.opId === opId && formatFence(found.fence) === fence)) return false;
    return compareFences(parseFence(fence) as Fence, found.fence) < 0;
  });
}

/** Beyond the first of each. */
function repeated(items: readonly string[]): number {
  return items.length - new Set(items).size;
}

function countedBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const item of items) sums[nameOf(item)] = (sums[nameOf(item)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function linesOf(report: ChaosReport): readonly string[] {
  const { jobs, staleWrites: stale, doubledEffects: doubled, requestsAtTakeovers: requests } = report;
  return [
    `${report.faultsStruck} faults in ${report.minutes} min (seed ${report.seed}), ${report.sigkills} SIGKILL: ${listed(report.faults)}`,
    `jobs: ${jobs.posted} posted, ${jobs.lost} lost, ${jobs.poisoned} ended as poison; ${listed(report.outcomes)}`,
    `calls of tasks: ${report.calls}; effects doubled: ${doubled.keyed} where keys are known, ${doubled.asIs} as is`,
    `illegal transitions: ${report.illegalTransitions}; writes of former owners: ${stale.tried} tried, ${stale.accepted} accepted`,
    `requests open at takeovers: ${requests.adopted} adopted, ${requests.sentAgain} sent again, ${requests.endedOtherwise} ended otherwise`,
    `${report.unexplainedTakeovers} jobs changed hands unstruck`,
    ...Object.entries(report.takeovers).map(
      ([cause, { n, p50, p99, max }]) =>
        `owned again, ${cause}: ${n} jobs, ms p50 ${p50}, p99 ${p99}, max ${max}`,
    ),
  ];
}

function listed(sums: Readonly<Record<string, number>>): string {
  return Object.entries(sums)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}
