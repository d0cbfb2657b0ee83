/**
 * Purpose: collects what happens to one owned flow and computes its next turn from it: inputs → facts, and what follows once they
 * are stored. It sends nothing, saves nothing and awaits nothing but the storing of large results.
 * States of an input: pushed → part of a turn. An answer counts once; what comes later for the same request is superseded.
 * What is authoritative: the journal; `state` is its fold plus the turns handed out by `next`, which are stored in that order or never.
 * Not here: saving and sending (`job-runner.ts`).
 */
import { failureOf, familyOf, type Fact, type Failure } from '@baton/core';
import type { Refused, Result, Unknown } from '@baton/core';
import { answerOf, type Command, type Event } from '@baton/engine';
import type { NumberedCommand } from '@baton/persistence';
import { InFlight, type Outstanding } from './in-flight.js';
import { JobTimers } from './job-timers.js';
import { answerToParked, commandFact, eventOf, stepped } from './operator-command.js';
import { limits } from './options.js';
import { isReopened, type OwnedState } from './owned-state.js';
import type { Ownership } from './ownership.js';
import { lostWorker, noWorker, queueTimeout, withdrawn } from './request-failures.js';
import type { LostRequest, OpenRequest } from './request-table.js';
import { stampDue } from './stamp-due.js';
import { isUntouched, requestNote, takenBack } from './taken-back.js';
import type { Finish, Follow, Taken, TurnDraft, TurnParts } from './turn-draft.js';

/** `answers`: the request that the event answers, for each worker it was given to. */
type Input =
  | { readonly event: Event; readonly answers?: readonly OpenRequest[] }
  | { readonly command: NumberedCommand };

type Services = Pick<
  Ownership,
  'runtime' | 'roster' | 'payloads' | 'counters' | 'inboxPlace' | 'workerRefused'
>;

interface FlowCallbacks {
  /** There is something to decide. */
  readonly onInput: () => void;
  readonly onFault: (error: unknown) => void;
  /** Hands over what was ordered before a timer was due: an answer that came in time counts. False: it cannot be read now. */
  readonly beforeTimer: () => Promise<boolean>;
  /** A request of the former owner runs on. */
  readonly onAdopted: () => void;
}

export class FlowTurns {
  readonly state: OwnedState;
  readonly flight: InFlight;
  readonly timers: JobTimers;
  readonly #services: Services;
  readonly #jobId: string;
  readonly #callbacks: FlowCallbacks;
  #inputs: Input[] = [];
  #parked: Fact[] = [];
  #aborts: OpenRequest[] = [];
  #finish: Finish | undefined;
  #lastCommand: number;
  /** Nothing is executed any more. */
  #isCancelled: boolean;
  /** Requests of a former owner whose workers have not answered this one yet. */
  #adopting = 0;
  /** Answers whose values are being stored. */
  #storing = 0;

  constructor(services: Services, jobId: string, state: OwnedState, callbacks: FlowCallbacks) {
    this.#services = services;
    this.#jobId = jobId;
    this.state = state;
    this.#lastCommand = state.lastCommand;
    this.#isCancelled = state.cancelled;
    this.flight = new InFlight(services.roster, state.table);
    const onDue = (id: string): void => this.event({ type: 'timerFired', id });
    this.timers = new JobTimers(services.runtime.clock, { beforeDue: callbacks.beforeTimer, onDue });
    this.#callbacks = callbacks;
  }

  /** Something happened that no turn holds yet. */
  get hasNews(): boolean {
    return this.#inputs.length > 0 || this.#parked.length > 0;
  }

  /** Whether a turn would have anything to do. */
  get isDue(): boolean {
    return this.hasNews || this.flight.waiting > 0;
  }

  /**
   * Nothing could be decided now: what the flow waits for is a worker, a time that has not come, a person or a task of which its worker
   * says that it runs.
   */
  get isAtRest(): boolean {
    const { flight, timers } = this;
    return !this.hasNews && this.#storing === 0 && !timers.isOverdue && !flight.isAdopting && !flight.hasRoom;
  }

  /** Nothing is under way: what the flow waits for is a worker that nobody offers, a time or a person. `dormant`: no worker either (C-209). */
  isResting(how?: 'dormant'): boolean {
    const { isParked, isStranded } = this.flight;
    return !this.hasNews && this.#storing === 0 && (how === 'dormant' ? isParked : isStranded);
  }

  /** Number of the last operator command that was taken in. */
  get lastCommand(): number {
    return this.#lastCommand;
  }

  event(event: Event, answers?: readonly OpenRequest[]): void {
    this.#inputs.push({ event, ...(answers && { answers }) });
    this.#callbacks.onInput();
  }

  /** An operator's command behind `lastCommand`, in order of its number. */
  command(command: NumberedCommand): void {
    this.#lastCommand = command.n;
    this.#inputs.push({ command });
    this.#callbacks.onInput();
  }

  /**
   * A worker answered. An answer for nothing that is outstanding changes nothing. It is not confirmed either: it may have come before this
   * owner knew of the request, and the worker must still have it when it is asked.
   */
  result(message: Result): void {
    const { requestId, outcome, workerEpoch } = message;
    const open = this.flight.openOf(requestId);
    const outstanding = this.flight.get(requestId);
    if (outstanding === undefined || open === undefined || outstanding.answered) return;
    this.#isAdopted(outstanding);
    this.#answer(requestId);
    // the worker may drop its answer only when the turn that holds it is stored, so both go into the same turn; and if that is a worker
    // that was given up, the one that has the request now need not begin
    const answers = workerEpoch === open.workerEpoch ? [open] : [{ ...open, workerEpoch }, open];
    const take = (event: Event): void => this.event(event, answers);
    if ('failure' in outcome) return take({ type: 'failed', requestId, failure: outcome.failure });
    this.#storing++;
    this.#services.payloads.externalise(outcome.value).then(
      (value) => {
        this.#storing--;
        take({ type: 'completed', requestId, value });
      },
      (error: unknown) => this.#unstorable(requestId, error, take),
    );
  }

  /** A sign of life for a request. */
  heard(requestId: string): void {
    const outstanding = this.flight.get(requestId);
    if (outstanding === undefined) return;
    const { adopting } = outstanding;
    this.#isAdopted(outstanding);
    outstanding.accepted = true;
    outstanding.heardAtMs = this.#now();
    outstanding.asks = 0;
    this.timers.dequeue(requestId);
    if (adopting) this.#callbacks.onAdopted();
  }

  /** The worker will never run this delivery: the request goes to another one. */
  notRun(message: Unknown | Refused): void {
    if (message.kind === 'refused') this.#services.workerRefused(message);
    const open = this.flight.openOf(message.requestId);
    const outstanding = this.flight.get(message.requestId);
    if (outstanding === undefined || outstanding.answered) return;
    if (open?.delivery !== message.delivery || open.workerEpoch !== message.workerEpoch) return;
    if (outstanding.cancelled) return this.#withdraw(open, open);
    // no worker of the former owner had it either: it has been in the queue ever since
    if (outstanding.adopting) this.#limitQueue(outstanding);
    if (message.kind === 'refused' && message.reason !== 'draining')
      return this.#refused(outstanding, open, message.reason);
    if (this.flight.again(message.requestId, { lost: false })) this.#callbacks.onInput();
  }

  /** Their worker is gone, every place where an answer could stand is read: send them elsewhere or give up (P-932), unless they are elsewhere by now. */
  lost(requests: Iterable<LostRequest>): void {
    for (const { requestId, workerEpoch } of requests) {
      const outstanding = this.flight.get(requestId);
      const open = this.flight.openOf(requestId);
      if (outstanding === undefined || open?.workerEpoch !== workerEpoch || outstanding.answered) continue;
      const policy = outstanding.command.onWorkerLoss;
      if (outstanding.cancelled) this.#withdraw(open, { ...open, losses: open.losses + 1 });
      else if (policy === 'park') this.#park(open);
      else if (policy === 'fail' || open.losses + 1 >= limits.deliveriesMax)
        this.#fail(requestId, lostWorker(open, policy));
      else if (this.flight.again(requestId, { lost: true })) this.#services.counters.redelivered++;
    }
    this.#callbacks.onInput();
  }

  /** Takes a worker's place for a request that runs there already. */
  adoptedFrom(requestId: string, workerEpoch: string): void {
    this.flight.hold(requestId, workerEpoch, this.#now());
  }

  /** An assignment turned out not to be sendable. */
  unsent(requestId: string, failure: Failure): void {
    this.#fail(requestId, failure);
  }

  /** The next turn. Its facts are already in `state`: store it, or drop this whole object. Gives requests to workers, at most so many. */
  next(placesMax: number): TurnDraft {
    const atMs = this.#services.runtime.clock.wallMs();
    const parked = this.#parked.splice(0);
    // before anything is decided: a cancel in the same turn must find them parked
    this.state.applyOwn(parked, atMs);
    const facts: Fact[] = [];
    const follow: Follow = { adopted: [], outside: [], aborts: this.#aborts.splice(0), isTakeover: false };
    const answers: OpenRequest[] = [];
    const inputs = this.#inputs.splice(0);
    for (const [index, input] of inputs.entries()) {
      const { isDear, refused } = this.#take(input, { facts, answers, follow });
      // behind what it does: an owner that dies half way through a long turn must not leave a command that counts as applied
      if ('command' in input) facts.push(commandFact(input.command, refused));
      if (!isDear || this.#finish !== undefined) continue;
      // other flows, and the session of this process, come before the rest of this one
      this.#inputs.unshift(...inputs.slice(index + 1));
      break;
    }
    const back = takenBack(this, () => this.#services.inboxPlace());
    facts.push(...back.facts);
    for (const command of back.commands) this.#carryOut(command, facts, follow);
    this.state.applyOwn(facts, atMs);
    const assignments =
      this.#finish === undefined ? this.flight.assign(this.#services.inboxPlace(), placesMax) : [];
    const assigned = assignments.map((assignment) => assignment.fact);
    this.state.applyOwn(assigned, atMs);
    answers.push(...this.flight.dropSettled(follow.aborts));
    this.#adopting += follow.adopted.length;
    const { adopted, aborts, outside } = follow;
    const whole = [...parked, ...facts, ...assigned];
    return { facts: whole, assignments, answers, adopted, aborts, outside, finish: this.#finish };
  }

  #take(input: Input, { facts, answers, follow }: TurnParts): Taken {
    if ('command' in input) this.#isCancelled ||= input.command.command === 'cancel';
    const event = 'event' in input ? input.event : this.#ordered(input.command, facts);
    // what was taken in before it has set it anew
    if (event && 'type' in event && event.type === 'timerFired' && this.timers.isSet(event.id))
      return { isDear: false };
    if (event === undefined || 'refused' in event) return { isDear: false, ...event };
    if ('event' in input && input.answers) answers.push(...input.answers);
    const turn = stepped(this.state.run, event);
    if ('refused' in turn) return { isDear: false, ...turn };
    if (turn.facts.some(isReopened)) this.#isCancelled = false;
    facts.push(...turn.facts);
    const isTakeover = event.type === 'adopt';
    for (const command of turn.commands) this.#carryOut(command, facts, { ...follow, isTakeover });
    return { isDear: turn.isDear === true };
  }

  #ordered(command: NumberedCommand, facts: Fact[]): ReturnType<typeof eventOf> {
    const nowMs = this.#services.runtime.clock.wallMs();
    return this.#unparked(command, facts) ?? eventOf(command, this.state, nowMs);
  }

  stop(): void {
    this.timers.stop();
    this.flight.clear();
    this.#inputs = [];
    this.#parked = [];
  }

  #carryOut(command: Command, facts: Fact[], follow: Follow): void {
    switch (command.type) {
      case 'execute':
      case 'revert': {
        // resumed while its worker has it, or before a person decided about it
        if (this.flight.get(command.requestId) !== undefined) return;
        const createdAtMs = follow.isTakeover ? this.state.table.createdAtMs(command.atom) : undefined;
        const outstanding = this.flight.begin(command, createdAtMs ?? this.#services.runtime.clock.wallMs());
        const open = this.flight.openOf(command.requestId);
        if (open?.state === 'assigned') follow.adopted.push(open);
        if (open === undefined || isUntouched(open)) this.#limitQueue(outstanding);
        // the former owner may have died before it told the worker; or the run was suspended before anybody had it
        if (this.#isCancelled && command.type === 'execute') this.#abort(command, follow.aborts);
        return;
      }
      case 'abort':
        return this.#abort(command, follow.aborts);
      case 'startTimer': {
        const dueAtMs = this.#services.runtime.clock.wallMs() + command.delayMs;
        stampDue(facts, command.id, dueAtMs);
        if (command.delayMs === 0) this.timers.setDue(command.id);
        else this.timers.set(command.id, dueAtMs);
        return;
      }
      case 'cancelTimer':
        return this.timers.cancel(command.id);
      case 'finish':
        return void (this.#finish = { outcome: command.outcome, failures: command.failures });
      case 'suspended':
      case 'openDelegate': // nobody has to be told: who answers it asks for what is open
        return;
      case 'evaluated':
        return this.event(answerOf(command.requestId, command.outcome));
      default:
        follow.outside.push(command);
    }
  }

  /** Nobody wants its result any more. */
  #abort(asked: Pick<OpenRequest, 'requestId' | 'atom'>, aborts: OpenRequest[]): void {
    const { requestId } = asked;
    const open = this.flight.openOf(requestId);
    this.flight.cancel(requestId);
    // while its arguments are being read its worker would be told to stop it before it is told of it
    const isUnsent = this.flight.isUnsent(requestId);
    if (isUnsent || this.flight.isWaiting(requestId) || open?.state === 'parked')
      this.#withdraw(asked, isUnsent && open?.delivery === 1 ? undefined : open);
    else if (open) aborts.push(open);
  }

  /** The first answer for a request of a former owner: it runs on, or its result is used; it is not run again. */
  #isAdopted(outstanding: Outstanding): void {
    if (!outstanding.adopting) return;
    outstanding.adopting = false;
    this.#services.counters.adopted++;
    this.#adopting--;
    if (this.#adopting > 0) return;
    this.#services.runtime.logger.info('job.adopted', { jobId: this.#jobId, monotonicMs: this.#now() });
  }

  #unstorable(requestId: string, error: unknown, take: (event: Event) => void): void {
    this.#storing--;
    if (familyOf(error) !== 'input') return this.#callbacks.onFault(error);
    const message = error instanceof Error ? error.message : String(error);
    take({ type: 'failed', requestId, failure: failureOf('RESULT_TOO_LARGE', message, { phase: 'result' }) });
  }

  #park(open: OpenRequest): void {
    this.#answer(open.requestId);
    this.#parked.push(this.#noted({ ...open, losses: open.losses + 1 }, 'parked'));
  }

  #noted(open: OpenRequest, state: 'parked' | 'waiting'): Fact {
    return requestNote(open, state, this.#services.inboxPlace());
  }

  /** A person decides about a parked request; about any other there is nothing to decide. */
  #unparked(command: NumberedCommand, facts: Fact[]): Event | undefined {
    const asked = answerToParked(command);
    const open = asked && this.state.table.get(asked.atom);
    if (open?.state !== 'parked' || this.flight.isDecided(open.requestId)) return undefined;
    const { requestId, losses } = open;
    if (asked?.answer === 'rerun') {
      // a worker for it may be found by another owner only
      facts.push(this.#noted(open, 'waiting'));
      this.flight.unpark(requestId);
      return undefined;
    }
    this.#answer(requestId);
    return { type: 'failed', requestId, failure: lostWorker({ ...open, losses: losses - 1 }, 'park') };
  }

  /** Elsewhere at once, then with pauses; and not for ever when those who should run it cannot (P-944, P-945). */
  #refused(outstanding: Outstanding, open: OpenRequest, reason: Refused['reason']): void {
    const { requestId } = open;
    if (reason !== 'overloaded') outstanding.misfits++;
    if (outstanding.misfits >= limits.refusalsMax)
      return this.#fail(requestId, noWorker(outstanding.command, open, reason));
    const { first, max } = limits.refusedPauseMs;
    const pauses = outstanding.refusals++;
    if (!this.flight.again(requestId, { lost: false, paused: pauses > 0 })) return;
    if (pauses === 0) return this.#callbacks.onInput();
    this.timers.pause(requestId, Math.min(max, first * 2 ** (pauses - 1)), () => {
      this.flight.resume(requestId);
      this.#callbacks.onInput();
    });
  }

  /** Nobody has it, so nobody will answer; a parked one counts as answered already. */
  #withdraw(asked: Pick<OpenRequest, 'requestId' | 'atom'>, open: OpenRequest | undefined): void {
    const { requestId, atom } = asked;
    const losses = this.flight.lossesOf(requestId) ?? open?.losses ?? 0;
    if (this.#answer(requestId) !== undefined || open?.state === 'parked')
      this.event({ type: 'failed', requestId, failure: withdrawn(atom, open, losses) });
  }

  /** From the creation of the attempt until a worker accepted or answered it (C-1022), whoever owns the flow by then. */
  #limitQueue({ command, createdAtMs }: Outstanding): void {
    const { requestId, queueTimeoutMs } = command;
    if (queueTimeoutMs === undefined) return;
    this.timers.queue(requestId, createdAtMs, queueTimeoutMs, () => {
      const open = this.flight.openOf(requestId);
      // it was not heard of, but its worker may have it
      if (open !== undefined && !this.flight.isWaiting(requestId)) this.#aborts.push(open);
      this.#fail(requestId, queueTimeout(command, open));
    });
  }

  #fail(requestId: string, failure: Failure): void {
    if (this.#answer(requestId)) this.event({ type: 'failed', requestId, failure });
  }

  #answer(requestId: string): Outstanding | undefined {
    this.timers.dequeue(requestId);
    return this.flight.answer(requestId);
  }

  #now(): number {
    return this.#services.runtime.clock.monotonicMs();
  }
}
