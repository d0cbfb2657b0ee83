/** The nightly example: a flow written in YAML, a schedule whose first slot is in two seconds, and what the job of that slot gave. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvariantError } from '@baton/core';
import type { Client, ScheduleReport } from '@baton/client';
import { loadFlow } from '../load-flow.js';
import type { ExampleStage } from './example-stage.js';
import type { NightlyReport } from './nightly-tasks.js';

const firstInMs = 2_000;
const lookMs = 100;

/** Module with its tasks. */
export const nightlyTasks = fileURLToPath(new URL('../../dist/examples/nightly-tasks.js', import.meta.url));

/** Plays it, tells people what happens, and gives what came of it. */
export async function playNightly({ client, program, signal, tell }: ExampleStage): Promise<object> {
  const file = fileURLToPath(new URL('../../examples/nightly.yaml', import.meta.url));
  const store = { folders: foldersBeside() };
  // the first slot, so that there is something to see; after it the pattern
  const times = { cron: '0 2 * * *', timeZone: 'Europe/Berlin', startAtMs: Date.now() + firstInMs };
  await client.schedules.put('nightly', await loadFlow(file), { ...times, store, overlap: 'skip' });
  tell(`scheduled ${file}`);
  tell(`  for 02:00 in Berlin each night, and for ${firstInMs / 1_000} s from now; by hand that is`);
  tell(
    `  ${program} schedule put nightly ${file} --cron '0 2 * * *' --time-zone Europe/Berlin --set 'folders=[…]'`,
  );
  const { jobId, schedule } = await firstFired(client, signal);
  tell(`posted ${jobId}`);
  const { outcome } = await client.wait(jobId, { signal });
  const { results, atoms } = await client.job(jobId);
  const found = results['report'] as unknown as NightlyReport;
  tell(`${jobId} ended ${outcome}: ${atoms.length} activations and items`);
  tell(`  ${found.files} files, ${found.bytes} bytes in ${found.folders} folders`);
  for (const { folder, files, bytes } of found.largest) tell(`  ${folder}: ${files} files, ${bytes} bytes`);
  tell(`next slot ${new Date(schedule.nextMs ?? 0).toISOString()}`);
  return { jobId, outcome, report: found, nextMs: schedule.nextMs };
}

/** In a checkout the packages of Baton; where it is installed, those beside this one. */
function foldersBeside(): readonly string[] {
  const packages = fileURLToPath(new URL('../../..', import.meta.url));
  return readdirSync(packages, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => join(packages, name));
}

async function firstFired(
  client: Client,
  signal: AbortSignal,
): Promise<{ readonly jobId: string; readonly schedule: ScheduleReport }> {
  for (;;) {
    const schedule = await client.schedules.get('nightly');
    const [slot] = schedule.slots;
    if (slot?.isDone === true && slot.jobId !== undefined) return { jobId: slot.jobId, schedule };
    if (slot?.decision === 'missed')
      throw new InvariantError('BATON_INVARIANT_UNEXPECTED', 'no conductor fired the first slot within 30 s');
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
