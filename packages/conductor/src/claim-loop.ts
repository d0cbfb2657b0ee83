/**
 * Purpose: turns what the board shows as free into claimed jobs: highest priority first, in a window, without herds.
 * States of a job here: inspected (posting being read) → ready → claiming → handed over; or ready → behind (the window is full of jobs
 * that go before it) until there is a place; or left to another member, whose first choice it is (`second-look.ts`).
 * What is authoritative: the claiming transaction on the board. The view may be stale; that costs a conflict.
 * On failure: a failed claim leaves the job to whoever has it; a posting that cannot be read is read again with back-off; a board
 *   without connection stops claiming until it is back.
 * Not here: what is done with a claimed job; when to take what is another's first choice.
 */
import { familyOf, rendezvousRank } from '@baton/core';
import type { Logger, Runtime } from '@baton/core';
import { isServed } from '@baton/jobboard';
import type { BoardView, Claim, FoundJob, JobBoard, JobKey } from '@baton/jobboard';
import { limits } from './options.js';
import { type PendingFence, PendingFences } from './pending-fences.js';
import { ReadyQueue } from './ready-queue.js';
import { SecondLook } from './second-look.js';

export interface ClaimTiming {
  /** Monotonic ms of this process. */
  readonly seenAtMs: number;
  readonly claimedAtMs: number;
}

/** A claim that was won, on its way to an owned job. */
export interface ClaimCourse {
  /** Where the guard of the former owner said that its journal ends; none for a job that nobody claimed before. */
  readonly headHint: Promise<number | undefined> | undefined;
  readonly timing: ClaimTiming;
  readonly fence: PendingFence;
  /** What follows takes long: other claims need not wait for it, though it is one job more. Idempotent. */
  stepAside(): void;
}

export interface ClaimLoopDeps {
  readonly board: Pick<JobBoard, 'find' | 'headHint' | 'claim'>;
  readonly memberId: string;
  readonly runtime: Runtime;
  /** Ids of the conductors that live, this one included; `refresh` lists them anew. */
  readonly conductors: { current(): Iterable<string>; refresh(): Promise<void> };
  /** Jobs that may still be taken on, claims under way not counted. */
  readonly room: () => number;
  readonly owns: (jobId: string) => boolean;
  /** Takes a claimed job over; the claim's place in the window is free again when it resolves. Never rejects. */
  readonly onClaimed: (claim: Claim, course: ClaimCourse) => Promise<void>;
}

interface Candidate {
  readonly key: JobKey;
  readonly seenAtMs: number;
  /** How often its posting could not be read. */
  readonly failures?: number;
  /** The `notBeforeMs` it was left alone for, as long as that pause lasts: the clock of whoever gave it back may go ahead of ours. */
  readonly waitedFor?: number | undefined;
}

type ReadyJob = FoundJob & { readonly seenAtMs: number };

/** What is kept of a posting that the window has no place for. */
type BehindJob = Candidate & { readonly posting: Pick<FoundJob['posting'], 'priority' | 'createdAtMs'> };

export class ClaimLoop {
  readonly #deps: ClaimLoopDeps;
  readonly #log: Logger;
  /** A job that comes back in another life is not held up by what is left here of its former one. */
  readonly #busy = new Set<string>();
  readonly #waiting = new Map<string, Candidate>();
  readonly #secondLook: SecondLook<Candidate>;
  /** Of a newer version, or another namespace: left to others. */
  readonly #foreign = new Map<string, JobKey>();
  #foreignMax: number = limits.inspectWindow;
  readonly #ready = new ReadyQueue<ReadyJob>();
  readonly #behind = new ReadyQueue<BehindJob>();
  #behindMax: number = limits.inspectWindow;
  readonly #fences: PendingFences;
  readonly #timers = new Set<() => void>();
  /** Ends the wait for a job that was given back with a pause. */
  readonly #pauses = new Map<string, () => void>();
  /** Whose owner has just gone: ranked anew. */
  #releasing = 0;
  #inspecting = 0;
  #claiming = 0;
  /** Won claims that have left the window and are not owned yet. */
  #aside = 0;
  #refillArmed = false;
  #view: BoardView | undefined;
  #stopped = false;

  constructor(deps: ClaimLoopDeps) {
    this.#deps = deps;
    this.#log = deps.runtime.logger;
    this.#fences = new PendingFences(deps.runtime.clock);
    this.#secondLook = new SecondLook({
      memberId: deps.memberId,
      runtime: deps.runtime,
      conductors: () => deps.conductors.current(),
      isFree: (key) => this.#isFree(key),
      relook: async (jobIds) => this.#view?.relook(jobIds),
      isWindowFull: () => this.#isWindowFull,
      hasRoom: () => this.#hasRoom,
      take: (candidates) => this.#take(candidates),
      after: (delayMs, callback) => void this.#after(delayMs, callback),
    });
  }

  start(view: BoardView): void {
    this.#view = view;
    for (const key of view.available()) this.offer(key, { released: false, seenAtMs: this.#now() });
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#pauses.clear();
    this.#waiting.clear();
    this.#secondLook.clear();
  }

  /** The board shows a free job. `released`: its lock has just vanished, so its owner may be dead. */
  offer(key: JobKey, seen: { readonly released: boolean; readonly seenAtMs: number }): void {
    // it had an owner meanwhile, who may be dead
    if (seen.released) this.#pauses.get(key.jobId)?.();
    if (this.#stopped || this.#busy.has(idOf(key)) || this.#deps.owns(key.jobId)) return;
    const candidate = { key, seenAtMs: seen.seenAtMs };
    if (seen.released) {
      this.#secondLook.forget(key.jobId);
      this.#waiting.delete(key.jobId);
      void this.#offerReleased(candidate);
      return;
    }
    this.#choose(candidate);
  }

  /** Room became free: what the board still shows may be taken. */
  refill(): void {
    this.#pump();
    if (this.#refillArmed || this.#stopped || this.#waiting.size > 0) return;
    this.#refillArmed = true;
    this.#after(20, () => {
      this.#refillArmed = false;
      this.#pruneForeign();
      for (const key of this.#view?.available() ?? []) {
        if (this.#waiting.size >= limits.inspectWindow) break;
        if (!this.#foreign.has(key.jobId)) this.offer(key, { released: false, seenAtMs: this.#now() });
      }
    });
  }

  /** Ranks among the survivors: their list is read anew behind the event that freed the job, in the same pipeline; so is its posting, of a window's worth. */
  async #offerReleased(candidate: Candidate): Promise<void> {
    this.#busy.add(idOf(candidate.key));
    const found = this.#releasing++ < limits.inspectWindow ? this.#find(candidate) : undefined;
    await this.#deps.conductors.refresh().catch((error: unknown) => {
      this.#log.debug('claim.members-unknown', { error });
    });
    const job = await found;
    this.#releasing--;
    this.#busy.delete(idOf(candidate.key));
    if (this.#stopped || (found && !job)) return;
    if (!job) return this.#choose(candidate);
    if (this.#rank(candidate.key.jobId) > 0) return this.#secondLook.leave(candidate);
    this.#push({ ...job, seenAtMs: candidate.seenAtMs });
    this.#pump();
  }

  #choose(candidate: Candidate): void {
    if (this.#rank(candidate.key.jobId) > 0) this.#secondLook.leave(candidate);
    else this.#enqueue(candidate);
  }

  #enqueue(candidate: Candidate): void {
    this.#waiting.set(candidate.key.jobId, candidate);
    this.#pump();
  }

  /** Reads postings ahead, then claims in order of priority and age. */
  #pump(): void {
    this.#readAhead();
    while (!this.#stopped && !this.#isWindowFull && this.#hasRoom) {
      const job = this.#ready.pop();
      if (job === undefined) return;
      if (this.#isStillFree(job)) void this.#claim(job);
    }
  }

  get #isWindowFull(): boolean {
    return this.#claiming >= limits.claimWindow;
  }

  get #hasRoom(): boolean {
    return this.#deps.room() - this.#claiming - this.#aside > 0;
  }

  /**
   * With room, no more postings than the window takes: the first job is not to be claimed after the last was read. Without room, or while as many
   * claims as may be are under way, there is time to learn the priorities of all that wait: the next one that is claimed shall be the highest of them.
   */
  #readAhead(): void {
    const isFull = !this.#hasRoom;
    const mayRead = (): boolean => this.#inspecting + (isFull ? 0 : this.#ready.size) < limits.inspectWindow;
    while (!isFull && mayRead()) {
      const known = this.#behind.pop();
      if (known === undefined) break;
      if (this.#isStillFree(known.key)) void this.#inspect(known);
    }
    const mayLearn = (): boolean => this.#isWindowFull && this.#inspecting < limits.learnWindow;
    for (const candidate of this.#waiting.values()) {
      if (!mayRead() && !mayLearn()) break;
      this.#waiting.delete(candidate.key.jobId);
      void this.#inspect(candidate);
    }
  }

  /** Others take what waits for its turn here, too. */
  #isStillFree(key: JobKey): boolean {
    if (this.#isFree(key)) return true;
    this.#busy.delete(idOf(key));
    return false;
  }

  #toReady(job: ReadyJob): void {
    this.#ready.push(job);
    if (!this.#hasRoom) this.#keepWindow();
  }

  /** The last of more than the window takes is read again when its turn comes. */
  #keepWindow(): void {
    if (this.#ready.size <= limits.inspectWindow) return;
    const last = this.#ready.popLast();
    if (last === undefined) return;
    const { jobId, life, seenAtMs, posting } = last;
    const { priority, createdAtMs } = posting;
    const key = { jobId, life };
    const waitedFor = posting.notBeforeMs;
    this.#behind.push({ key, seenAtMs, waitedFor, posting: { priority, createdAtMs } });
    if (this.#behind.size < this.#behindMax) return;
    // what others took meanwhile goes: never much more than the board shows
    this.#behind.keep(({ key: known }) => this.#isStillFree(known));
    this.#behindMax = 2 * this.#behind.size + limits.inspectWindow;
  }

  async #inspect(candidate: Candidate): Promise<void> {
    this.#busy.add(idOf(candidate.key));
    this.#inspecting++;
    const job = await this.#find(candidate);
    this.#inspecting--;
    if (job === undefined) this.#busy.delete(idOf(candidate.key));
    else this.#push({ ...job, seenAtMs: candidate.seenAtMs }, candidate.waitedFor);
    if (this.#isWindowFull) this.#keepWindow();
    this.#pump();
  }

  #push(job: ReadyJob, waitedFor?: number): void {
    const { notBeforeMs = 0, pauseMs = limits.abandonMs.max } = job.posting;
    const leftMs = notBeforeMs === waitedFor ? 0 : notBeforeMs - this.#deps.runtime.clock.wallMs();
    const waitMs = Math.min(leftMs, pauseMs, limits.abandonMs.max);
    this.#busy.add(idOf(job));
    if (waitMs <= 0) return this.#toReady(job);
    // abandoned with back-off: not before its time; the second look of others finds it if this member dies meanwhile
    const endPause = (): void => {
      cancel();
      this.#pauses.delete(job.jobId);
      this.#busy.delete(idOf(job));
    };
    this.#pauses.set(job.jobId, endPause);
    const cancel = this.#after(waitMs, () => {
      endPause();
      if (this.#isFree(job)) this.#choose({ key: job, seenAtMs: this.#now(), waitedFor: notBeforeMs });
    });
  }

  /** Undefined: it is gone, it is not for this conductor, or it could not be read and is looked at again after a pause. */
  async #find(candidate: Candidate): Promise<FoundJob | undefined> {
    try {
      const job = await this.#deps.board.find(candidate.key);
      return job !== undefined && this.#isForeign(job) ? undefined : job;
    } catch (error) {
      this.#log.debug('claim.find-failed', { jobId: candidate.key.jobId, error });
      this.#findLater(candidate);
      return undefined;
    }
  }

  #isForeign(job: FoundJob): boolean {
    const { jobId, life, posting } = job;
    if (isServed(posting)) {
      this.#foreign.delete(jobId);
      return false;
    }
    const { protocolVersion, namespace } = posting;
    if (!this.#foreign.has(jobId)) this.#log.info('claim.not-served', { jobId, protocolVersion, namespace });
    this.#foreign.set(jobId, { jobId, life });
    if (this.#foreign.size >= this.#foreignMax) this.#pruneForeign();
    return true;
  }

  /** What others took goes: never much more than the board shows. */
  #pruneForeign(): void {
    for (const [jobId, key] of this.#foreign) if (!this.#isFree(key)) this.#foreign.delete(jobId);
    this.#foreignMax = 2 * this.#foreign.size + limits.inspectWindow;
  }

  /** The board tells of changes only: nobody would offer the job again. */
  #findLater({ key, seenAtMs, failures = 0 }: Candidate): void {
    if (this.#stopped) return;
    const { first, max } = limits.findAgainMs;
    this.#after(Math.min(max, first * 2 ** failures), () => {
      if (this.#deps.owns(key.jobId) || !this.#isFree(key)) return;
      // the look that failed may still wait for the list of conductors
      if (this.#busy.has(idOf(key))) return this.#findLater({ key, seenAtMs, failures });
      this.#choose({ key, seenAtMs, failures: failures + 1 });
    });
  }

  async #claim(job: ReadyJob): Promise<void> {
    const fence = this.#fences.begin();
    let hasPlace = true;
    let again: ReadyJob | undefined;
    this.#claiming++;
    this.#secondLook.claimBegins();
    const leavePlace = (): void => {
      fence.settled();
      if (hasPlace) this.#claiming--;
      hasPlace = false;
    };
    let aside = 0;
    const stepAside = (): void => {
      if (hasPlace) this.#aside += aside = 1;
      leavePlace();
      this.#pump();
    };
    try {
      const headHint = job.version === 0 && job.life === 0 ? undefined : this.#deps.board.headHint(job.jobId);
      const claim = await this.#deps.board.claim(job);
      const timing = { seenAtMs: job.seenAtMs, claimedAtMs: this.#now() };
      await this.#deps.onClaimed(claim, { headHint, timing, fence, stepAside });
    } catch (error) {
      const family = familyOf(error);
      if (family === 'conflict' || family === 'not-found')
        this.#log.debug('claim.lost-to-another', { jobId: job.jobId });
      else this.#log.warn('claim.failed', { jobId: job.jobId, error });
      fence.settled();
      if (family === 'conflict') again = await this.#changed(job);
    } finally {
      leavePlace();
      this.#aside -= aside;
      this.#busy.delete(idOf(job));
      if (again !== undefined) this.#push(again);
      // events for a busy job are passed over: if it looks free it is looked at once more
      else if (!this.#stopped && !this.#deps.owns(job.jobId) && this.#isFree(job))
        this.#secondLook.leave({ key: job, seenAtMs: this.#now() });
      this.#pump();
    }
  }

  /** It had an owner for a while after its posting was read: it keeps its place, and goes before jobs of lower priority still. */
  async #changed(job: ReadyJob): Promise<ReadyJob | undefined> {
    if (!this.#isFree(job)) return undefined;
    const found = await this.#find({ key: job, seenAtMs: job.seenAtMs });
    if (this.#stopped || found === undefined || found.version === job.version) return undefined;
    return { ...found, seenAtMs: job.seenAtMs };
  }

  /** What was left to others is still free. */
  #take(candidates: readonly Candidate[]): void {
    for (const candidate of candidates)
      if (!this.#stopped && !this.#busy.has(idOf(candidate.key)))
        this.#waiting.set(candidate.key.jobId, candidate);
    this.#pump();
  }

  #isFree(key: JobKey): boolean {
    return this.#view?.isAvailable(key) ?? false;
  }

  #rank(jobId: string): number {
    return rendezvousRank(jobId, this.#deps.memberId, this.#deps.conductors.current());
  }

  #now(): number {
    return this.#deps.runtime.clock.monotonicMs();
  }

  /** The answer cancels. */
  #after(delayMs: number, callback: () => void): () => void {
    if (this.#stopped) return () => undefined;
    const cancel = this.#deps.runtime.clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }
}

const idOf = ({ jobId, life }: JobKey): string => `${jobId}.${life}`;
