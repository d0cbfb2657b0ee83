/**
 * Purpose: what users do: post until it is acknowledged, perhaps cancel, suspend and resume, decide about parked tasks, wait for the end, run it again or undo it, whatever fails meanwhile. Their
 *   programs may be killed at any moment; then they start them again and say the same once more (H19, H20).
 * What is authoritative: nothing here; `told` is what the last program was told.
 * Not here: whether what it was told is true (checker/).
 */
import type { CoordinationSession } from '@baton/core';
import type { Client } from '@baton/client';
import { isRouted, type NodeDefinition } from '@baton/flow';
import type { Cluster } from './cluster.js';
import { chance } from './choices.js';
import type { SimulatedProcess } from './process.js';
import { Answers } from './answers.js';
import { parkedIn } from './journal-view.js';
import { pause, persist } from './persist.js';
import type { AnyJob } from './routed-workload.js';

/** How often a user looks for tasks that wait for a decision. */
const lookMs = 1_500;

export class User {
  readonly job: AnyJob;
  /** Outcome it was told. */
  told: string | undefined;
  /** Its program died before the post was acknowledged, and it did not try again. */
  hasGivenUp = false;
  /** Its post stays unrepeated when its program dies before the acknowledgement. */
  readonly #isFickle: boolean;
  readonly #cluster: Cluster;
  #process: SimulatedProcess | undefined;
  #sessions: CoordinationSession[] = [];
  #client: Client | undefined;
  #isPosted = false;
  #isCancelled = false;
  #repair: 'rerun' | 'revert' | undefined;
  /** Times that its job was suspended and resumed. */
  #paused = 0;

  constructor(cluster: Cluster, job: AnyJob) {
    this.#cluster = cluster;
    this.job = job;
    this.#isFickle = chance(cluster.random, 0.3);
    cluster.time.schedule(job.atMs, () => this.#start());
  }

  get id(): string {
    return this.job.jobId;
  }

  get isDone(): boolean {
    return this.told !== undefined || this.hasGivenUp;
  }

  /** Its program, while there is something left to do. */
  get process(): SimulatedProcess | undefined {
    return this.isDone ? undefined : this.#process;
  }

  /** Has the run cancelled now. False: it is not posted, or over. */
  cancel({ revert }: { readonly revert: boolean }): boolean {
    const process = this.process;
    const client = this.#client;
    if (process === undefined || client === undefined || !this.#isPosted) return false;
    this.#command(process, async () =>
      this.isDone ? undefined : client.cancel(this.job.jobId, { revert }),
    ).catch((error: unknown) => {
      if (process.alive && !this.isDone) this.#cluster.crashes.push(`a cancel was told ${String(error)}`);
    });
    return true;
  }

  /** SIGKILL of its program. */
  kill(): void {
    if (this.#process === undefined || this.isDone) return;
    this.#cluster.kill({ process: this.#process, sessions: this.#sessions });
    this.#process = undefined;
    if (!this.#isPosted && this.#isFickle) this.hasGivenUp = true;
    else this.#cluster.time.schedule(20 + this.#cluster.random.fraction() * 1_000, () => this.#start());
  }

  #start(): void {
    const process = this.#cluster.process(`user-of-${this.job.jobId}`);
    this.#process = process;
    this.#sessions = [];
    const client = this.#cluster.client(process, this.#sessions);
    this.#client = client;
    this.#play(process, client).catch((error: unknown) => {
      if (process.alive)
        this.#cluster.crashes.push(`the user of ${this.job.jobId} was told ${String(error)}`);
    });
  }

  async #play(process: SimulatedProcess, client: Client): Promise<void> {
    const { jobId, definition, priority, cancel } = this.job;
    const { history } = this.#cluster;
    const store = { pin: `pin-of-${jobId}-${'0123456789'.repeat(2)}` };
    history.keep(store.pin, 'value of a user');
    await persist(process, () => client.post(definition, { key: jobId, priority, store }));
    if (!process.alive) return;
    this.#isPosted = true;
    history.acknowledge(jobId);
    const waiting = persist(process, () => client.wait(jobId));
    void this.#pauses(process, client);
    if (isRouted(definition) || hasDelegate(definition.root))
      void new Answers(this.#cluster, { process, client, roots: () => [jobId] }).give(() => this.isDone);
    else void this.#decideParked(process, client);
    if (cancel !== undefined && !this.#isCancelled) {
      await pause(process, cancel.afterMs);
      await this.#command(process, () => client.cancel(jobId, { revert: cancel.revert }));
      this.#isCancelled = true;
    }
    const end = (await waiting) ?? { outcome: 'nothing' };
    const last = this.job.isRepaired === true ? await this.#repaired(process, client, end) : end;
    if (process.alive) this.told = last.outcome;
    await client.close();
  }

  /** Who is killed before the job was resumed suspends it again, and resumes it then. */
  async #pauses(process: SimulatedProcess, client: Client): Promise<void> {
    const { jobId, pauses } = this.job;
    const give = (command: 'suspend' | 'resume') =>
      this.#command(process, async () => (this.isDone ? undefined : client[command](jobId)));
    for (const { afterMs, forMs } of pauses.slice(this.#paused)) {
      await pause(process, afterMs);
      if (!(await give('suspend'))) return;
      await pause(process, forMs);
      if (!(await give('resume'))) return;
      this.#paused++;
    }
  }

  /** How it ends after what its user did about its end: once, whoever of its programs. */
  async #repaired(
    process: SimulatedProcess,
    client: Client,
    end: { readonly outcome: string },
  ): Promise<{ readonly outcome: string }> {
    const { jobId } = this.job;
    // of any other end effects may stand that would stand twice
    const isRepairable = end.outcome === 'SUCCESS' || (end.outcome === 'REVERTED' && this.#isUndoneWhole);
    if (!isRepairable && this.#repair === undefined) return end;
    this.#repair ??= end.outcome === 'SUCCESS' ? 'revert' : 'rerun';
    const verb = this.#repair;
    const n = await persist(process, () => client[verb](jobId, { key: 'repair' }));
    if (n === undefined || !process.alive) return end;
    this.#cluster.history.acknowledgeCommand(jobId, n);
    const isTaken = async (): Promise<boolean> => {
      const { reason, commands = [] } = (await persist(process, () => client.job(jobId))) ?? {};
      return reason !== undefined || commands.some((command) => command.n === n);
    };
    while (!(await isTaken())) await pause(process, lookMs);
    return (await persist(process, () => client.wait(jobId))) ?? end;
  }

  /** A controller that does not ask its parent undoes its own scope and no more (E-624). */
  get #isUndoneWhole(): boolean {
    const { definition } = this.job;
    return !isRouted(definition) && definition.options?.deferReverts !== false;
  }

  /** False: nobody takes it any more. */
  async #command(process: SimulatedProcess, give: () => Promise<number | undefined>): Promise<boolean> {
    const n = await persist(process, give);
    if (n !== undefined && process.alive) this.#cluster.history.acknowledgeCommand(this.job.jobId, n);
    return n !== undefined;
  }

  /** Once stored it is not lost (P-1108). Who is told that nothing is parked, because the store shows an old state, looks again. */
  async #decideParked(process: SimulatedProcess, client: Client): Promise<void> {
    const decided = new Set<string>();
    for (;;) {
      await pause(process, lookMs);
      if (this.isDone) return;
      for (const [atom, key] of parkedIn(this.#cluster.history.entries.get(this.job.jobId) ?? [])) {
        if (decided.has(key)) continue;
        const decision = chance(process.runtime.random, 0.5) ? 'rerun' : 'fail';
        const give = () => client.decideParked(this.job.jobId, { atom, decision });
        if (await this.#command(process, give)) decided.add(key);
      }
    }
  }
}

function hasDelegate(node: NodeDefinition): boolean {
  return node.kind === 'task' ? node.delegate !== undefined : (node.children ?? []).some(hasDelegate);
}
