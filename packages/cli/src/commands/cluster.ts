/** `baton cluster …`: who is there, who owns what, and whether the services are in order. */
import type { Member } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { examine } from '../doctor.js';
import type { Invocation } from '../invocation.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';

export function addClusterCommands(program: Command, run: Run): void {
  const cluster = program.command('cluster').description('members, owners, health');
  cluster.command('status').description('conductors, workers, and the jobs on the board').action(run(status));
  cluster
    .command('doctor')
    .description(
      'checks each service: reachable, version, settings, clock; exit code 9 when something is wrong',
    )
    .action(run(doctor));
}

async function status(invocation: Invocation): Promise<number> {
  const { program } = invocation.environment;
  const report = await (await invocation.client()).cluster();
  const claimed = report.jobs.filter((job) => job.state === 'CLAIMED');
  const jobsOf = (member: string): number => claimed.filter((job) => job.owner?.member === member).length;
  const data = {
    clusterId: report.clusterId,
    jobs: { unclaimed: report.jobs.length - claimed.length, claimed: claimed.length },
    conductors: report.conductors.map((member) => ({ ...member, jobs: jobsOf(member.id) })),
    workers: report.workers,
  };
  const tasksOf = (worker: Member): string =>
    worker.kind === 'worker' ? worker.tasks.map(({ name, version }) => `${name}@${version}`).join(', ') : '';
  const slotsOf = (worker: Member): number => (worker.kind === 'worker' ? worker.concurrency : 0);
  const lines = [
    `jobs  ○ ${data.jobs.unclaimed} unclaimed  ◐ ${data.jobs.claimed} claimed`,
    `CONDUCTOR${' '.repeat(31)}  JOBS  HOST`,
    ...data.conductors.map(
      (member) => `▶ ${member.id.padEnd(38)}  ${String(member.jobs).padStart(4)}  ${member.host}`,
    ),
    `WORKER${' '.repeat(34)} SLOTS  TASKS`,
    ...report.workers.map(
      (member) => `▶ ${member.id.padEnd(38)}  ${String(slotsOf(member)).padStart(4)}  ${tasksOf(member)}`,
    ),
    ...(data.conductors.length === 0 ? [`! no conductor runs: jobs wait    → ${program} conductor run`] : []),
    ...(data.workers.length === 0
      ? [`! no worker runs: atoms wait    → ${program} worker run --tasks ./tasks.js`]
      : []),
  ];
  const cells = [
    ...Object.entries(data.jobs).map(([state, count]) => ['jobs', state, count]),
    ...data.conductors.map(({ id, jobs, host }) => ['conductor', id, jobs, host]),
    ...report.workers.map((member) => ['worker', member.id, slotsOf(member), tasksOf(member)]),
  ];
  invocation.output.one(data, { text: lines.map(clean).join('\n'), name: report.clusterId, cells });
  return exitCodes.ok;
}

async function doctor(invocation: Invocation): Promise<number> {
  const checks = await examine(invocation.settings, invocation.logger('command'));
  invocation.output.rows(checks, [
    { title: 'CHECK', of: (check) => check.check },
    {
      title: 'STATE',
      of: (check) => (check.state === 'ok' ? '✔ ok' : check.state === 'note' ? '· note' : '✖ problem'),
    },
    { title: 'FOUND', of: (check) => check.found },
    { title: 'REMEDY', of: (check) => check.remedy },
  ]);
  return checks.some((check) => check.state === 'problem') ? exitCodes.doctorFoundProblems : exitCodes.ok;
}
