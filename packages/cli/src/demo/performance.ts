/**
 * Purpose: the demo while it runs: its members, its jobs as their journals tell, what was killed, and what the survivors logged about it.
 * States: open → closed: from then on it looks at nothing any more.
 * What is authoritative: the board for members, the journal for jobs, log lines for times. Copies here are at most half a second old.
 * On failure: a look at the board or a journal that fails is repeated; a member that ends by itself ends the demo.
 * Not here: what is done when (demo.ts) and how it looks (view.ts).
 */
import { UnavailableError, codeOf, type Member, type MemberKind } from '@baton/core';
import type { Client } from '@baton/client';
import { failoverOf, type Failover, type Kill, type LogLine } from './failovers.js';
import type { PlannedJob } from './release.js';
import { foldEntry, newJobModel, ownerOf, requestsOn, type JobModel } from './run-model.js';
import type { Stage } from './stage.js';
import { systemClock } from '@baton/client/runtime';

/** Something worth telling, for people (`text`) and scripts (the rest). */
export interface DemoEvent {
  /** Since the start, ms. */
  readonly atMs: number;
  readonly event: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

export interface MemberState {
  readonly id: string;
  readonly kind: MemberKind;
  state: 'starting' | 'up' | 'lost';
  /** Its registration, while it is up. */
  member: Member | undefined;
  /** Monotonic ms of the kill, while it is lost. */
  lostAtMs: number | undefined;
}

/** A kill, and the takeover as far as it has been seen. */
export interface KillState extends Kill {
  readonly pid: number;
}

// the looking is done by the machine that is looked at: seldom, and not at all in the moment that is timed
const pollMs = { members: 400, journal: 200, trouble: 200 } as const;
const awayAfterKillMs = 250;
const heard = new Set(['guard.session.ended', 'job.taken-over', 'worker.lost']);

export class Performance {
  readonly members = new Map<string, MemberState>();
  readonly jobs = new Map<string, JobModel>();
  readonly kills: KillState[] = [];
  readonly startedAtMs = systemClock.monotonicMs();
  readonly lines: LogLine[] = [];
  readonly #stage: Stage;
  readonly #client: Client;
  readonly #signal: AbortSignal;
  readonly #argsOf: (kind: MemberKind) => readonly string[];
  readonly #tell: (event: DemoEvent) => void;
  readonly #over = new AbortController();
  /** Ends the looking of a moment; there is a new one after each kill. */
  #looking = new AbortController();
  /** Monotonic ms. */
  #awayUntilMs = 0;

  constructor(o: {
    readonly stage: Stage;
    readonly client: Client;
    /** Ends everything that waits here; its reason is what waiting rejects with. */
    readonly signal: AbortSignal;
    readonly argsOf: (kind: MemberKind) => readonly string[];
    readonly tell: (event: DemoEvent) => void;
  }) {
    this.#stage = o.stage;
    this.#client = o.client;
    this.#signal = AbortSignal.any([o.signal, this.#over.signal]);
    this.#argsOf = o.argsOf;
    this.#tell = o.tell;
  }

  /** Ends the looking. Idempotent. */
  close(): void {
    this.#over.abort(new Error('the demo is over'));
  }

  get elapsedMs(): number {
    return systemClock.monotonicMs() - this.startedAtMs;
  }

  get killedPids(): ReadonlySet<number> {
    return new Set(this.kills.map(({ pid }) => pid));
  }

  get failovers(): readonly Failover[] {
    return this.kills.flatMap((kill) => this.failoverOf(kill) ?? []);
  }

  /** Undefined before anybody has taken over. */
  failoverOf(kill: KillState): Failover | undefined {
    const next = this.kills.find(
      ({ member, killedAtMs }) => member === kill.member && killedAtMs > kill.killedAtMs,
    );
    const untilMs = next?.killedAtMs ?? Infinity;
    const isOfThis = (line: LogLine): boolean => Number(line['seenAtMs'] ?? line['monotonicMs']) < untilMs;
    return failoverOf(kill, this.lines.filter(isOfThis));
  }

  tell(event: string, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#tell({ atMs: Math.round(this.elapsedMs), event, text, ...fields });
  }

  /** For `Stage`: what a member or guard has logged. */
  heard(line: LogLine): void {
    if (heard.has(line.message)) this.lines.push(line);
  }

  start(kind: MemberKind, id: string): void {
    this.members.set(id, { id, kind, state: 'starting', member: undefined, lostAtMs: undefined });
    const started = this.#stage.start(kind, id, this.#argsOf(kind));
    void started.ended
      .catch(() => undefined)
      .then(() => {
        const isKilled = this.kills.some((kill) => kill.member === id);
        if (isKilled || this.#signal.aborted || this.#stage.closing) return;
        const why = started.lastWords.at(-1) ?? 'it said nothing';
        this.#over.abort(new UnavailableError('BATON_UNAVAILABLE_REFUSED', `${id} ended by itself: ${why}`));
      });
  }

  /** Looks at the board again and again, until the signal. Never rejects. */
  async followMembers(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const { conductors, workers } = await this.#client.cluster();
        this.#seen(new Map([...conductors, ...workers].map((member) => [member.id, member])));
      } catch {
        // asked again in a moment; what waits for a member has a deadline
      }
      await pause(Math.max(pollMs.members, this.#awayUntilMs - systemClock.monotonicMs()));
    }
  }

  async post(planned: PlannedJob): Promise<string> {
    const jobId = await this.#client.post(planned.flow, { store: planned.store, name: planned.name });
    const job = newJobModel(jobId, planned.name, planned.atoms.length);
    this.jobs.set(jobId, job);
    this.tell('posted', `posted ${planned.name}: ${planned.atoms.length} atoms`, {
      jobId,
      name: planned.name,
      atoms: planned.atoms.length,
    });
    void this.#followJob(job);
    return jobId;
  }

  /** Waits for something to become true. @throws the signal's reason; a deadline says what was waited for */
  async until(what: string, condition: () => boolean): Promise<void> {
    while (!condition()) {
      const reason: unknown = this.#signal.reason;
      if (codeOf(reason) === 'BATON_UNAVAILABLE_DEADLINE')
        throw new UnavailableError(
          'BATON_UNAVAILABLE_DEADLINE',
          `${(reason as Error).message}: it waited for ${what}`,
        );
      this.#signal.throwIfAborted();
      await pause(15);
    }
  }

  jobsOf(conductor: string): JobModel[] {
    return [...this.jobs.values()].filter((job) => ownerOf(job) === conductor);
  }

  get allEnded(): boolean {
    return [...this.jobs.values()].every((job) => job.outcome !== undefined);
  }

  /** SIGKILL, of the member alone or with its guard. Undefined when it is not up. */
  kill(id: string, { host = false }: { readonly host?: boolean } = {}): KillState | undefined {
    const state = this.members.get(id);
    if (state?.member === undefined || state.state !== 'up') return undefined;
    const { kind, pid, epoch } = state.member;
    const jobs =
      kind === 'conductor'
        ? this.jobsOf(id)
        : [...this.jobs.values()].filter((job) => requestsOn([job], id).length > 0);
    const tasks = kind === 'worker' ? requestsOn(jobs, id).length : 0;
    this.#lookAway();
    const killedAtMs = systemClock.monotonicMs();
    if (host) this.#stage.members.get(id)?.killGuard();
    process.kill(pid, 'SIGKILL');
    const kill: KillState = {
      member: id,
      kind,
      epoch,
      host,
      pid,
      killedAtMs,
      jobIds: jobs.map(({ jobId }) => jobId),
    };
    this.kills.push(kill);
    state.state = 'lost';
    state.lostAtMs = killedAtMs;
    const had = kind === 'conductor' ? `it owned ${jobs.length} jobs` : `${tasks} tasks were with it`;
    this.tell('killed', `SIGKILL ${kind} ${id}${host ? ' and its guard' : ''} (pid ${pid}): ${had}`, {
      member: id,
      kind,
      pid,
      host,
      jobs: jobs.length,
      tasks,
    });
    return kill;
  }

  /** Whether the survivors have everything that the dead member had. */
  isTakenOver(kill: KillState): boolean {
    const jobs = kill.jobIds.flatMap((jobId) => this.jobs.get(jobId) ?? []);
    if (kill.kind === 'conductor')
      return jobs.every((job) => job.outcome !== undefined || job.owners.at(-1) !== kill.member);
    return jobs.every((job) => [...job.open.values()].every((request) => request.workerEpoch !== kill.epoch));
  }

  /** A new process under the old name, as soon as the old one is gone from the board. */
  async restart(kill: KillState): Promise<void> {
    const state = this.members.get(kill.member);
    await this.until(
      `${kill.member} to be gone`,
      () => state?.member === undefined && this.#stage.members.get(kill.member)?.hasEnded === true,
    );
    this.start(kill.kind, kill.member);
    this.tell('restarted', `${kill.member} starts again`, { member: kill.member });
  }

  #lookAway(): void {
    this.#awayUntilMs = systemClock.monotonicMs() + awayAfterKillMs;
    this.#looking.abort();
    this.#looking = new AbortController();
  }

  #seen(living: ReadonlyMap<string, Member>): void {
    for (const state of this.members.values()) {
      const member = living.get(state.id);
      if (state.state === 'lost') {
        if (member === undefined) state.member = undefined;
      } else if (member !== undefined && state.state === 'starting') {
        state.state = 'up';
        state.member = member;
        this.tell('member-up', `${state.id} is up (pid ${member.pid})`, {
          member: state.id,
          kind: state.kind,
          pid: member.pid,
        });
      }
    }
  }

  /** Reads on in batches, not at the pace of the journal: reading must not slow down what it shows. */
  async #followJob(job: JobModel): Promise<void> {
    let seq = 0;
    while (!this.#signal.aborted && job.outcome === undefined)
      try {
        let batchAtMs = systemClock.monotonicMs();
        const signal = AbortSignal.any([this.#signal, this.#looking.signal]);
        for await (const entry of this.#client.watch(job.jobId, { fromSeq: seq, signal })) {
          foldEntry(job, entry);
          seq = entry.seq + 1;
          if (systemClock.monotonicMs() - batchAtMs < 20) continue;
          await pause(pollMs.journal);
          batchAtMs = systemClock.monotonicMs();
        }
      } catch {
        await pause(Math.max(pollMs.trouble, this.#awayUntilMs - systemClock.monotonicMs()));
      }
    if (job.outcome !== undefined)
      this.tell('job-ended', `${job.name}: ${job.outcome}`, {
        jobId: job.jobId,
        name: job.name,
        outcome: job.outcome,
      });
  }
}

/** Keeps the process alive, other than the timers of a Clock. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
