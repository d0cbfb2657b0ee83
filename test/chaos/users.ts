/**
 * Purpose: what users do all the time: post a random flow, perhaps cancel it, decide about parked tasks, wait for the end, and then the next one, whatever
 *   fails meanwhile.
 * What is authoritative: nothing here; `told` is what they were told.
 * On failure: they say the same once more until it is answered. A job whose end does not come stays among the `open`.
 * Not here: whether what they were told is true (the checker).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, JobEnd } from '@baton/client';
import { codeOf, type Random } from '@baton/core';
import type { NodeDefinition } from '@baton/flow';
import { chance, streamOf } from '../simulation/choices.js';
import { pinOf } from './exposed-values.js';
import { planJobs, type PlannedJob } from '../simulation/workload.js';

export interface PostedJob {
  readonly job: PlannedJob;
  acknowledgedAtMs: number | undefined;
  told: JobEnd | undefined;
}

/** Jobs that are under way at the same time. */
const openJobs = 12;
const tasksMax = 10;
const againMs = 100;
/** How often a person looks for tasks that wait for a decision, and how long they wait for what they decided. */
const lookMs = 2_000;
const decideAgainMs = 15_000;
/** Nobody waits for ever for one answer: asking anew finds another connection. */
const waitMs = 20_000;

export class Users {
  readonly jobs: PostedJob[] = [];
  readonly #client: Client;
  readonly #seed: number;
  readonly #work: Promise<unknown>;
  /** What a user was told and no user should be. */
  readonly surprises: string[] = [];
  #isPosting = true;
  #isOver = false;

  constructor(client: Client, seed: number) {
    this.#client = client;
    this.#seed = seed;
    this.#work = Promise.all(Array.from({ length: openJobs }, () => this.#postOn()));
  }

  get open(): readonly PostedJob[] {
    return this.jobs.filter(({ told }) => told === undefined);
  }

  stopPosting(): void {
    this.#isPosting = false;
  }

  /** Resolves when every job has ended, or after `withinMs`; nobody does anything afterwards. */
  async finish(withinMs: number): Promise<void> {
    const late = new AbortController();
    await Promise.race([this.#work, delay(withinMs, undefined, { signal: late.signal })]);
    late.abort();
    this.#isOver = true;
  }

  async #postOn(): Promise<void> {
    while (this.#isPosting) await this.#one(this.#next());
  }

  #next(): PostedJob {
    const number = this.jobs.length + 1;
    const [planned] = planJobs(streamOf(this.#seed, 'jobs', number), { jobsMax: 1, untilMs: 0, tasksMax });
    const job: PlannedJob = { ...(planned as PlannedJob), jobId: `job-${number}` };
    const posted: PostedJob = { job, acknowledgedAtMs: undefined, told: undefined };
    this.jobs.push(posted);
    return posted;
  }

  async #one(posted: PostedJob): Promise<void> {
    const { jobId, definition, priority, cancel } = posted.job;
    const store = { pin: pinOf(jobId) };
    await this.#persist(() => this.#client.post(definition, { key: jobId, priority, store }));
    posted.acknowledgedAtMs = Date.now();
    const isParking = hasParkingTask(definition.root);
    void (isParking && this.#decideParked(posted, streamOf(this.#seed, 'world', this.jobs.indexOf(posted))));
    void (cancel !== undefined && this.#cancel(posted, cancel));
    posted.told = await this.#persist(() => this.#client.wait(jobId, { timeoutMs: waitMs }));
  }

  async #cancel({ job: { jobId } }: PostedJob, cancel: NonNullable<PlannedJob['cancel']>): Promise<void> {
    await delay(cancel.afterMs, undefined, { ref: false });
    await this.#persist(() => this.#client.cancel(jobId, { revert: cancel.revert }));
  }

  /** Says it again after a while when nothing came of it. */
  async #decideParked(posted: PostedJob, random: Pick<Random, 'fraction'>): Promise<void> {
    const { jobId } = posted.job;
    const decided = new Map<string, number>();
    for (;;) {
      await delay(lookMs, undefined, { ref: false });
      if (posted.told !== undefined || this.#isOver) return;
      const report = await this.#persist(() => this.#client.job(jobId));
      for (const { name: atom, parked } of report?.atoms ?? []) {
        if (parked !== true || Date.now() - (decided.get(atom) ?? 0) < decideAgainMs) continue;
        decided.set(atom, Date.now());
        const decision = chance(random, 0.5) ? 'rerun' : 'fail';
        await this.#persist(() => this.#client.decideParked(jobId, { atom, decision }));
      }
    }
  }

  /** Until it is answered. That the job has ended, or its task is decided, already is no news. */
  async #persist<T>(what: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await what();
      } catch (error) {
        const code = codeOf(error);
        if (this.#isOver || code === 'BATON_CONFLICT_ENDED' || code === 'BATON_CONFLICT_NOT_PARKED')
          return undefined;
        if (code?.startsWith('BATON_UNAVAILABLE_') !== true && code !== 'BATON_NOT_FOUND_JOB') {
          this.surprises.push(`a user was told ${String(error)}`);
          return undefined;
        }
      }
      await delay(againMs, undefined, { ref: false });
    }
  }
}

function hasParkingTask(node: NodeDefinition): boolean {
  return node.kind === 'task' ? node.onWorkerLoss === 'park' : (node.children ?? []).some(hasParkingTask);
}
