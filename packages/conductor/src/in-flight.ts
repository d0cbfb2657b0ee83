/**
 * Purpose: the requests of one owned flow that the engine waits for: which wait for a worker, which were given to one, what was
 * heard of them last.
 * States of a request: waiting (no assignment, or its last one is void; after refusals it pauses first) → assigned → answered.
 * `adopting` marks an assignment of a former owner whose worker has not answered this one yet.
 * What is authoritative: assignments and answers in the journal (`RequestTable`); the rest lives as long as the ownership.
 * Not here: saving and sending (`job-runner.ts`).
 */
import type { RequestFact } from '@baton/core';
import type { TaskCommand } from './task-command.js';
import type { OpenRequest, RequestTable } from './request-table.js';
import { WaitingLines } from './waiting-lines.js';
import type { Waiting } from './waiting-lines.js';
import type { Demand, LiveWorker, WorkerRoster } from './worker-roster.js';

export interface Outstanding {
  readonly command: TaskCommand;
  /** Cluster time. */
  readonly createdAtMs: number;
  answered: boolean;
  /** Worker whose place in the roster this request takes. */
  holds: string | undefined;
  /** Monotonic ms of the last sending or sign of life; infinite while its assignment is being saved, or its arguments are read: nobody can know of it. */
  heardAtMs: number;
  /** How often its worker was asked for it since, and said nothing. */
  asks: number;
  accepted: boolean;
  adopting: boolean;
  /** Deliveries of this ownership that workers did not take, and those of them because they cannot run it. */
  refusals: number;
  misfits: number;
  /** Its worker was told to stop it: should that be lost, nobody else gets it. */
  cancelled: boolean;
}

/** Where answers to new assignments will be read from. */
interface Inbox {
  readonly replyPartition: number;
  readonly replyFrom: number;
}

export interface Assignment {
  readonly outstanding: Outstanding;
  readonly fact: RequestFact;
}

export class InFlight {
  readonly #roster: WorkerRoster;
  readonly #table: RequestTable;
  readonly #requests = new Map<string, Outstanding>();
  readonly #waiting = new WaitingLines();
  /** Those whose last delivery is void: they go before the ones that never ran, or a long queue would hold up what had begun. */
  readonly #returned = new WaitingLines();
  /** Those of them whose time has not come yet. */
  readonly #paused = new Map<string, Waiting>();
  readonly #answered = new Set<string>();

  constructor(roster: WorkerRoster, table: RequestTable) {
    this.#roster = roster;
    this.#table = table;
  }

  /** A command of the engine: to be assigned, unless the journal says that a former owner did. */
  begin(command: TaskCommand, createdAtMs: number): Outstanding {
    const outstanding: Outstanding = {
      command,
      createdAtMs,
      answered: false,
      holds: undefined,
      heardAtMs: 0,
      asks: 0,
      accepted: false,
      adopting: false,
      refusals: 0,
      misfits: 0,
      cancelled: false,
    };
    this.#requests.set(command.requestId, outstanding);
    const open = this.openOf(command.requestId);
    if (open === undefined) this.#waiting.add(command.requestId, command, { delivery: 1, losses: 0 });
    else if (open.state === 'waiting') this.#returned.add(command.requestId, command, this.#next(open));
    else outstanding.adopting = open.state === 'assigned';
    return outstanding;
  }

  get(requestId: string): Outstanding | undefined {
    return this.#requests.get(requestId);
  }

  /** The assignment in force, if the request is outstanding and has one. */
  openOf(requestId: string): OpenRequest | undefined {
    const outstanding = this.#requests.get(requestId);
    const open = outstanding && this.#table.get(outstanding.command.atom);
    return open?.requestId === requestId ? open : undefined;
  }

  /** Requests that could be assigned now. */
  get waiting(): number {
    return this.#returned.size + this.#waiting.size;
  }

  /** Nobody has it: it never had a worker, or its last delivery is void. */
  isWaiting(requestId: string): boolean {
    return this.#returned.has(requestId) || this.#waiting.has(requestId) || this.#paused.has(requestId);
  }

  /** Requests that nobody has, those included whose pause is not over. */
  *unassigned(): Iterable<string> {
    for (const requestId of this.#requests.keys()) if (this.isWaiting(requestId)) yield requestId;
  }

  /** Nobody has it, and nobody shall for now: the engine asks for it again. */
  takeBack(requestId: string): void {
    this.#requests.delete(requestId);
    this.#returned.delete(requestId);
    this.#waiting.delete(requestId);
    this.#paused.delete(requestId);
  }

  /** Workers that were lost with a request that waits for another one. */
  lossesOf(requestId: string): number | undefined {
    const waiting = this.#returned.get(requestId) ?? this.#paused.get(requestId);
    return waiting?.losses;
  }

  /** It has a worker, which cannot know of it yet. */
  isUnsent(requestId: string): boolean {
    return this.#requests.get(requestId)?.heardAtMs === Number.POSITIVE_INFINITY;
  }

  /** There is nothing for a person to decide any more: it waits for a worker again, or is not wanted. */
  isDecided(requestId: string): boolean {
    return this.isWaiting(requestId) || this.#requests.get(requestId)?.cancelled === true;
  }

  /** What is waited for, a task that has begun before and one that has not apart. */
  *demands(): Iterable<Demand> {
    yield* this.#returned.demands();
    yield* this.#waiting.demands();
  }

  /** Whether `assign` would give anything. */
  get hasRoom(): boolean {
    for (const demand of this.demands()) if (this.#roster.hasRoomFor(demand)) return true;
    return false;
  }

  /** Whether a worker of a former owner's request has not answered yet. */
  get isAdopting(): boolean {
    for (const { adopting } of this.#requests.values()) if (adopting) return true;
    return false;
  }

  /** No request could go on: each is parked, or no live worker offers its task. */
  get isStranded(): boolean {
    for (const demand of this.demands()) if (this.#roster.isOffered(demand)) return false;
    if (this.#requests.size === this.waiting) return true;
    for (const requestId of this.#requests.keys())
      if (
        !this.#waiting.has(requestId) &&
        !this.#returned.has(requestId) &&
        this.openOf(requestId)?.state !== 'parked'
      )
        return false;
    return true;
  }

  /** Nobody has any of them, or is to be given one: a person decides about each, or there is none. */
  get isParked(): boolean {
    return this.waiting === 0 && this.isStranded;
  }

  /** Takes the worker's place that a running request uses already. */
  hold(requestId: string, workerEpoch: string, nowMs: number): void {
    const outstanding = this.#requests.get(requestId);
    // answered, or waiting again: found by another flow's reading of the same inbox; nobody would give the place back
    if (outstanding === undefined || outstanding.answered || this.isWaiting(requestId)) return;
    if (outstanding.holds !== undefined) return;
    this.#roster.occupy(workerEpoch, requestId);
    outstanding.holds = workerEpoch;
    outstanding.heardAtMs = nowMs;
  }

  cancel(requestId: string): void {
    const outstanding = this.#requests.get(requestId);
    if (outstanding) outstanding.cancelled = true;
  }

  /** An outcome came (queued, not yet saved): later ones of the same request are superseded; its place at the worker is free. */
  answer(requestId: string): Outstanding | undefined {
    const outstanding = this.#requests.get(requestId);
    if (outstanding === undefined || outstanding.answered) return undefined;
    outstanding.answered = true;
    outstanding.adopting = false;
    this.#answered.add(requestId);
    this.#returned.delete(requestId);
    this.#waiting.delete(requestId);
    this.#paused.delete(requestId);
    this.#letGo(outstanding);
    return outstanding;
  }

  /**
   * The last delivery is void (lost, refused, unknown): it waits for another worker, `paused` not before `resume`. False when it was
   * answered meanwhile.
   */
  again(requestId: string, how: { readonly lost: boolean; readonly paused?: boolean }): boolean {
    const outstanding = this.#requests.get(requestId);
    const open = this.openOf(requestId);
    if (outstanding === undefined || open === undefined || outstanding.answered || this.isWaiting(requestId))
      return false;
    this.#letGo(outstanding);
    outstanding.adopting = false;
    outstanding.accepted = false;
    outstanding.asks = 0;
    const waiting = this.#next(open, how.lost ? 1 : 0);
    if (how.paused === true) this.#paused.set(requestId, waiting);
    else this.#returned.add(requestId, outstanding.command, waiting);
    return true;
  }

  /** A person wants a parked request to be sent again. */
  unpark(requestId: string): void {
    const outstanding = this.#requests.get(requestId);
    if (outstanding === undefined) return;
    outstanding.answered = false;
    this.#answered.delete(requestId);
    this.again(requestId, { lost: false });
  }

  /** The pause of a request is over. */
  resume(requestId: string): void {
    const waiting = this.#paused.get(requestId);
    const command = this.#requests.get(requestId)?.command;
    if (waiting === undefined || command === undefined) return;
    this.#paused.delete(requestId);
    this.#returned.add(requestId, command, waiting);
  }

  /** Workers for at most `limit` waiting requests that have one with room; those that had one before first, then the oldest. */
  assign(inbox: Inbox, limit: number): Assignment[] {
    const assignments: Assignment[] = [];
    const take = (requestId: string, waiting: Waiting): boolean => {
      const outstanding = this.#requests.get(requestId);
      if (outstanding === undefined || assignments.length >= limit) return false;
      const { command } = outstanding;
      const { except } = waiting;
      const worker = this.#roster.acquire(command, except === undefined ? {} : { except });
      if (worker === undefined) return false;
      outstanding.holds = worker.epoch;
      outstanding.heardAtMs = Number.POSITIVE_INFINITY;
      assignments.push({ outstanding, fact: requestFact(command, waiting, worker, inbox) });
      return true;
    };
    this.#returned.serve(take);
    this.#waiting.serve(take);
    return assignments;
  }

  /**
   * Forgets the answered requests that the engine no longer waits for; and, of those that are `aborted`, the ones that it has given up: their answers are of no
   * account, so nobody waits for these either. Gives the latter.
   */
  dropSettled(aborted: readonly OpenRequest[]): readonly OpenRequest[] {
    const givenUp = aborted.filter(({ requestId }) => this.openOf(requestId) === undefined);
    for (const { requestId } of givenUp) this.answer(requestId);
    for (const requestId of this.#answered) {
      // its answer is not part of a turn yet, or it is parked and waits for a person
      if (this.openOf(requestId) !== undefined) continue;
      this.#requests.delete(requestId);
      this.#answered.delete(requestId);
    }
    return givenUp;
  }

  clear(): void {
    for (const outstanding of this.#requests.values()) this.#letGo(outstanding);
    this.#requests.clear();
    this.#returned.clear();
    this.#waiting.clear();
    this.#paused.clear();
  }

  /** The delivery that follows one that is void. */
  #next(open: OpenRequest, lost = 0): Waiting {
    return {
      delivery: open.delivery + 1,
      losses: open.losses + lost,
      except: open.workerEpoch,
    };
  }

  #letGo(outstanding: Outstanding): void {
    if (outstanding.holds !== undefined)
      this.#roster.release(outstanding.holds, outstanding.command.requestId);
    outstanding.holds = undefined;
  }
}

function requestFact(
  command: TaskCommand,
  wait: Waiting,
  worker: LiveWorker,
  inbox: { readonly replyPartition: number; readonly replyFrom: number },
): RequestFact {
  return {
    fact: 'request',
    requestId: command.requestId,
    atom: command.atom,
    action: command.type,
    state: 'assigned',
    delivery: wait.delivery,
    losses: wait.losses,
    worker: worker.id,
    workerEpoch: worker.epoch,
    requestPartition: worker.requestPartition,
    ...inbox,
  };
}
