/** One task run without a flow (C-1616): a job of a flow that is made of that task alone. */
import { codeOf, type FlowOutcome, type JsonValue } from '@baton/core';
import type { FlowDefinition } from '@baton/flow';
import type { FailureSummary } from '@baton/persistence';
import type { Client } from './client.js';

export interface RunTaskOptions {
  /** `major.minor`: a worker of the same major and at least this minor runs it. Default `1.0`. */
  readonly version?: string;
  /** Idempotency key, becomes the id of the job. Default: a new ULID. */
  readonly key?: string;
  /** How long to wait for the end. Default: not at all. */
  readonly waitMs?: number;
  /** Ends the wait, not the task. */
  readonly signal?: AbortSignal;
}

/** What became of the task. */
export interface TaskEnd {
  readonly jobId: string;
  readonly outcome: FlowOutcome;
  readonly failures: readonly FailureSummary[];
  /** What it returned; only of one that is SUCCESS. */
  readonly result?: JsonValue;
}

/** A job that was posted for the task; with its end, if that was waited for and has come. */
export type TaskRun = { readonly jobId: string; readonly isNew: boolean } & Partial<TaskEnd>;

/** No parameter is called so. */
const result = 'task.result';

/** @throws as `Client.post`; rejects with the reason of `signal` */
export async function runTask(
  client: Client,
  { name, input }: { readonly name: string; readonly input: Readonly<Record<string, JsonValue>> },
  { version, key, waitMs: timeoutMs, signal }: RunTaskOptions,
): Promise<TaskRun> {
  const options = { store: input, ...(key !== undefined && { key }) };
  const posted = await client.postOrFind(flowOf(name, Object.keys(input), version), options);
  if (timeoutMs === undefined) return posted;
  try {
    return { ...posted, ...(await taskEnd(client, posted.jobId, { timeoutMs, ...(signal && { signal }) })) };
  } catch (error) {
    if (codeOf(error) === 'BATON_UNAVAILABLE_DEADLINE') return posted;
    throw error;
  }
}

/** Waits for the end of a job that `runTask` gave. @throws as `Client.wait` */
export async function taskEnd(
  client: Pick<Client, 'wait' | 'job'>,
  jobId: string,
  options: Parameters<Client['wait']>[1] = {},
): Promise<TaskEnd> {
  const end = await client.wait(jobId, options);
  if (end.outcome !== 'SUCCESS') return end;
  const { results } = await client.job(jobId);
  return { ...end, result: results[result] ?? null };
}

function flowOf(name: string, requires: readonly string[], version?: string): FlowDefinition {
  const task = {
    kind: 'task',
    name,
    requires,
    provides: { [result]: null },
    ...(version && { version }),
  } as const;
  return { schemaVersion: 1, root: { kind: 'linear', name, children: [task] } };
}
