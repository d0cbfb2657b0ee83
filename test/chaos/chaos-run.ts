/** One run: a cluster, users that post all the time, faults until time is up; then everything is healed, has to end, and is judged. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { check } from '../simulation/checker/check.js';
import { secretRules } from '../simulation/checker/secret-rules.js';
import type { ChaosCluster } from './chaos-cluster.js';
import { exposedIn } from './exposed-values.js';
import { Faults } from './faults.js';
import { gather, type Gathered } from './gather.js';
import { reportOf, type ChaosReport } from './report.js';
import { Users } from './users.js';

export interface ChaosPlan {
  readonly seed: number;
  readonly minutes: number;
  /** Kinds of faults whose name holds this; all when empty. */
  readonly only: string;
}

/** Between two faults, on average. */
const gapMs = 2_800;
const progressMs = 10_000;
/** So long may everything take that is left when the faults are over (I08). */
const healMs = 400_000;

export async function chaosRun(
  cluster: ChaosCluster,
  plan: ChaosPlan,
  say: (line: string) => void,
): Promise<ChaosReport> {
  const { seed, minutes } = plan;
  const startedAtMs = Date.now();
  const users = new Users(cluster.client, seed);
  const faults = new Faults(cluster, { ...plan, gapMs });
  const progress = setInterval(() => {
    const ready = cluster.places.filter(({ isReady }) => isReady).length;
    const kills = faults.struck.reduce((sum, each) => sum + each.kills, 0);
    say(
      `${((Date.now() - startedAtMs) / 1_000).toFixed(0)} s: ${faults.struck.length} faults, ${kills} SIGKILL; ${users.jobs.length} jobs, ` +
        `${users.open.length} open; ${ready} of ${cluster.places.length} members ready`,
    );
  }, progressMs);
  try {
    await faults.run({ untilMs: startedAtMs + minutes * 60_000 });
    users.stopPosting();
    await users.finish(healMs);
    await boardEmpty(cluster);
  } finally {
    clearInterval(progress);
  }
  const { attempts } = cluster.tap;
  try {
    await cluster.stopMembers();
    const gathered = await gather(cluster, users.jobs);
    const violations = judged({ cluster, users, gathered });
    if (faults.struck.length === 0) violations.push(`nothing was struck in ${minutes} min: nothing is shown`);
    const report = reportOf({ seed, minutes, faults: faults.struck, jobs: users.jobs, gathered, violations });
    if (violations.length > 0)
      keepEvidence(cluster, { faults: faults.struck, attempts, report: [report], ...seen(gathered) });
    return report;
  } catch (error) {
    keepEvidence(cluster, { faults: faults.struck, attempts });
    throw error;
  }
}

function judged({
  cluster,
  users,
  gathered,
}: {
  readonly cluster: ChaosCluster;
  readonly users: Users;
  readonly gathered: Gathered;
}): string[] {
  return [
    ...users.open.map(({ job }) => `I08 ${job.jobId}: not over ${healMs / 1_000} s after the last fault`),
    ...users.surprises,
    ...cluster.surprises,
    ...missing(gathered),
    ...gathered.gaps,
    ...check(gathered.evidence),
    ...secretRules({ history: { exposed: exposedIn(cluster.logFolder) } }),
  ];
}

/** What users are told comes before the job leaves the board. */
async function boardEmpty({ client }: ChaosCluster): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const left = await client.jobs().catch(() => undefined);
    if (left?.length === 0) return;
    await delay(500);
  }
}

/** What the store said it had, and has not. */
function missing({ attempts, evidence }: Gathered): string[] {
  const kept = new Set(
    evidence.jobs.flatMap(({ entries }) =>
      entries.map(({ entry }) => `${entry.flowId}:${entry.seq} ${entry.opId}`),
    ),
  );
  return attempts
    .filter(({ verdict, flowId, seq, opId }) => verdict === 'stored' && !kept.has(`${flowId}:${seq} ${opId}`))
    .map(
      ({ flowId, seq, by }) =>
        `P-207 ${flowId}: entry ${seq} of ${by} was acknowledged by the store and is not there`,
    );
}

function seen({ evidence: { jobs, history } }: Gathered): Evidence {
  const { board, calls, replies } = history;
  return { journal: jobs.flatMap(({ entries }) => entries), board, calls, replies };
}

/** Name of a file → its lines. */
type Evidence = Readonly<Record<string, readonly unknown[]>>;

function keepEvidence({ folder }: ChaosCluster, files: Evidence): void {
  for (const [name, items] of Object.entries(files))
    writeFileSync(
      join(folder, `${name}.jsonl`),
      items.map((item) => `${JSON.stringify(item, plain)}\n`).join(''),
    );
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (
    value !== null &&
    typeof value === 'object' &&
    'type' in value &&
    value.type === 'Buffer' &&
    'data' in value
  )
    return Buffer.from(value.data as number[]).toString('utf8');
  return value;
}
