/**
 * Purpose: the part of a post that makes a job of it (P-601): who is to be told of it, its journal entry 0, then the board. Whoever posts does this: programs, and
 * the conductor for schedules.
 * What is authoritative: the record decides what an id stands for.
 * On failure: UnavailableError; the same again finishes it.
 */
import { InputError, noFence } from '@baton/core';
import type { Environment, Lineage, NotifyTarget, PostEntry, Value } from '@baton/core';
import { entrySizeOf } from './entry-codec.js';
import { documentBytesMax } from './group-insert.js';
import type { JobPost, JobRecord } from './job-records.js';
import type { Notifications } from './notifications.js';
import { digestOf } from './parted-text.js';
import type { Persistence } from './persistence.js';

/** An environment of the board, and whether `${…}` in its texts is evaluated. */
export interface EnvironmentName {
  readonly name: string;
  readonly evaluateEnv: boolean;
}

/** What is given with a job, and who is told of it. */
export interface GivenWithJob {
  readonly store: Readonly<Record<string, Value>>;
  readonly env?: Environment;
  /** Instead of `env`: one by its name, which is what it is when the job is posted. */
  readonly environment?: EnvironmentName;
  readonly notify?: readonly NotifyTarget[];
}

/**
 * What makes a post the one it is: the same id with the same content is the same job. An environment that is named counts by its name: a repeated post finds
 * its job, whatever became of the environment meanwhile.
 */
export function contentHashOf(
  posting: {
    readonly definitionHash: string;
    readonly priority: string;
    readonly name: string;
    readonly tags: unknown;
  },
  { store, env, environment, notify = [] }: GivenWithJob,
): string {
  const parts = [posting.definitionHash, sorted(store), posting.priority, posting.name, posting.tags];
  const more = {
    ...(notify.length > 0 && { notify }),
    ...(environment ? { environment } : env && { env: sorted(env) }),
  };
  return digestOf(JSON.stringify(Object.keys(more).length === 0 ? parts : [...parts, more]));
}

function sorted<V>(values: Readonly<Record<string, V>>): readonly (readonly [string, V])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @throws InputError `BATON_INPUT_TOO_LARGE`: a record whose other parts do not fit could never be finished, by nobody */
export function checkPostSize(post: JobPost, given: GivenWithJob): void {
  const bytes = entrySizeOf(postEntry(post, given));
  if (bytes > documentBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `the store values of the job have ${bytes} bytes together, allowed are ${documentBytesMax}: give references to the large ones`,
    );
}

/**
 * Puts a job that is recorded on the board, unless it is there already. `toBoard` gets the record that stands: a repeated post uses the posting of the
 * first one, and the environment that it found, so that both are the same to the letter. @throws UnavailableError
 */
export async function placeJob(
  { journal, jobs, notifications }: Pick<Persistence, 'journal' | 'jobs' | 'notifications'>,
  { record, ...asked }: PlacedJob,
  toBoard: (record: JobRecord) => Promise<unknown>,
): Promise<void> {
  if (record.state !== 'POSTING') return;
  const given = { ...asked, ...(record.env && { env: record.env }) };
  const { notify = [] } = given;
  if (notify.length > 0) await notifications.insert({ ...namesOf(record), targets: notify });
  await journal.append(postEntry(record, given));
  await toBoard(record);
  void jobs.markPosted(record);
}

export interface PlacedJob extends GivenWithJob {
  readonly record: JobRecord;
}

function namesOf({ jobId, posting }: JobRecord): Pick<Notifications, 'flowId' | 'board' | 'name'> {
  const { name, board } = JSON.parse(posting) as { readonly name: string; readonly board: string };
  return { flowId: jobId, name, board };
}

function postEntry(
  { jobId, definitionHash, contentHash, posting, postedAtMs }: JobPost,
  { store, env }: GivenWithJob,
): PostEntry {
  const { name, lineage } = JSON.parse(posting) as { readonly name: string; readonly lineage?: Lineage };
  return {
    ...{
      kind: 'post',
      flowId: jobId,
      seq: 0,
      fence: noFence,
      opId: contentHash,
      atMs: postedAtMs,
      facts: [],
    },
    post: { name, definitionHash, store, ...(env && { env }), ...(lineage && { lineage }) },
  };
}
