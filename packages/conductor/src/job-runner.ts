/**
 * Purpose: owns one claimed job: installs the fence, drives the engine's `step`, and keeps the order save → dispatch → notify.
 * States: installing → running → settling → ended. At most one entry of the flow is being saved; what happens meanwhile waits
 * and becomes the next turn.
 * What is authoritative: the journal. Everything here is its fold plus what is under way; it is dropped when the claim is lost.
 * On failure: another owner's entry in the way = fenced: stop, touch nothing (P-405). Store away past its bound: abandon (P-616).
 * Not here: which job to claim (`claim-loop.ts`), who runs a request (`in-flight.ts`), batches of adoptions (`adoption.ts`).
 */
import { assertNever, codeOf, familyOf, failureOf } from '@baton/core';
import type {
  Fact,
  Failure,
  Fence,
  FlowOutcome,
  JournalEntry,
  Logger,
  Result,
  Unknown,
  Refused,
} from '@baton/core';
import { step } from '@baton/engine';
import type { Command, Event } from '@baton/engine';
import type { Claim } from '@baton/jobboard';
import type { NumberedCommand } from '@baton/persistence';
import { InFlight } from './in-flight.js';
import type { Assignment, Outstanding } from './in-flight.js';
import { JobTimers } from './job-timers.js';
import { limits } from './options.js';
import type { Ownership } from './ownership.js';
import type { OwnedState } from './owned-state.js';
import type { OpenRequest } from './request-table.js';
import type { TaskCommand } from './task-command.js';
import { taskMessage, unsendable } from './task-message.js';
import { turnEntries } from './turn-entries.js';

/** Why a runner ended. `settled`: the run is over and off the board; the others leave the job to somebody else. */
export type EndReason = 'settled' | 'fenced' | 'abandoned' | 'released' | 'stopped';

type Input = { readonly event: Event } | { readonly command: NumberedCommand };

interface Finish {
  readonly outcome: FlowOutcome;
  readonly failures: readonly Failure[];
}

export class JobRunner {
  readonly jobId: string;
  readonly fence: Fence;
  readonly claim: Claim;
  readonly #owner: Ownership;
  readonly #log: Logger;
  readonly #timers: JobTimers;
  readonly #inputs: Input[] = [];
  /** Answers that are in the turn being saved: their workers may drop them afterwards. */
  #answers: OpenRequest[] = [];
  #state: OwnedState;
  #flight: InFlight;
  #seq: number;
  #saving = false;
  #phase: 'running' | 'settling' | 'ended' = 'running';
  #finish: Finish | undefined;
  #savingNow: Promise<void> = Promise.resolve();
  #parked: Fact[] = [];
  #kickDue = false;
  /** Requests of a former owner whose workers have not answered this one yet. */
  #adopting = 0;

  /** `state` is the fold of the whole journal; nothing is decided before `begin` or `takeOver` says that the fence is in it. */
  constructor(owner: Ownership, claim: Claim, state: OwnedState) {
    this.#owner = owner;
    this.#log = owner.runtime.logger;
    this.claim = claim;
    this.jobId = claim.jobId;
    this.fence = claim.fence;
    this.#state = state;
    this.#seq = state.seq;
    this.#flight = new InFlight(owner.roster, state.table);
    this.#timers = new JobTimers(owner.runtime.clock, (id) =>
      this.#push({ event: { type: 'timerFired', id } }),
    );
  }

  get flight(): InFlight {
    return this.#flight;
  }

  get state(): OwnedState {
    return this.#state;
  }

  /** Computes the first turn of a job nobody owned before; its facts ride in the claim entry. */
  firstTurn(): {
    readonly facts: readonly Fact[];
    readonly assignments: readonly Assignment[];
    readonly finish: Finish | undefined;
  } {
    return this.#decide([{ event: { type: 'run' } }]);
  }

  /** The claim entry with the first turn is stored; what did not fit into it follows before anything is sent. */
  begin(first: ReturnType<JobRunner['firstTurn']>, [claimEntry, ...rest]: readonly JournalEntry[]): void {
    if (claimEntry !== undefined) {
      this.#seq = claimEntry.seq;
      this.#owner.notify(this, claimEntry);
    }
    this.#log.debug('job.claimed', { jobId: this.jobId });
    this.#saving = true;
    this.#savingNow = this.#append(rest, [], first.assignments, first.finish).catch((error: unknown) =>
      this.#giveUp(error),
    );
  }

  /** The bare claim entry is stored: goes on where the former owner stopped. */
  takeOver(stored: JournalEntry): void {
    this.#seq = stored.seq;
    this.#owner.notify(this, stored);
    for (const [id, dueAtMs] of this.#state.timers) this.#timers.set(id, dueAtMs);
    this.#timers.quiet(limits.poisonQuietMs, () => this.#stayedQuiet());
    this.#push({ event: this.#state.started ? { type: 'adopt' } : { type: 'run' } });
  }

  /** A worker answered. Answers for anything but an outstanding request change nothing, but are confirmed so that they are dropped. */
  result(message: Result): void {
    const outstanding = this.#flight.get(message.requestId);
    const open = this.#flight.openOf(message.requestId);
    if (outstanding?.answered === true) return;
    if (outstanding === undefined || open === undefined)
      return this.#owner.dispatcher.forget(message.workerEpoch, message.requestId);
    this.#adopted(outstanding);
    this.#flight.answer(message.requestId);
    this.#answers.push({ ...open, workerEpoch: message.workerEpoch });
    if ('failure' in message.outcome)
      return this.#push({
        event: { type: 'failed', requestId: message.requestId, failure: message.outcome.failure },
      });
    this.#owner.payloads.externalise(message.outcome.value).then(
      (stored) => this.#push({ event: { type: 'completed', requestId: message.requestId, value: stored } }),
      (error: unknown) =>
        familyOf(error) === 'input'
          ? this.#push({
              event: {
                type: 'failed',
                requestId: message.requestId,
                failure: failureOf('RESULT_TOO_LARGE', String(error), { phase: 'result' }),
              },
            })
          : this.#giveUp(error),
    );
  }

  /** A sign of life for a request. */
  heard(requestId: string): void {
    const outstanding = this.#flight.get(requestId);
    if (outstanding === undefined) return;
    this.#adopted(outstanding);
    outstanding.accepted = true;
    outstanding.heardAtMs = this.#owner.runtime.clock.monotonicMs();
  }

  /** The first answer for a request of a former owner: it runs on, or its result is used; it is not run again. */
  #adopted(outstanding: Outstanding): void {
    if (!outstanding.adopting) return;
    outstanding.adopting = false;
    this.#owner.counters.adopted++;
    this.#adopting--;
    if (this.#adopting === 0)
      this.#log.info('job.adopted', {
        jobId: this.jobId,
        monotonicMs: this.#owner.runtime.clock.monotonicMs(),
      });
  }

  /** The worker will never run this delivery: the request goes to another one. */
  notRun(message: Unknown | Refused): void {
    const open = this.#flight.openOf(message.requestId);
    if (open === undefined || open.delivery !== message.delivery || open.workerEpoch !== message.workerEpoch)
      return;
    if (this.#flight.again(message.requestId, { lost: false })) this.kick();
  }

  /** The worker of these requests is gone, every place where an answer could stand is read: send them elsewhere or give up (P-932). */
  lost(requestIds: readonly string[]): void {
    for (const requestId of requestIds) {
      const outstanding = this.#flight.get(requestId);
      const open = this.#flight.openOf(requestId);
      if (outstanding === undefined || open === undefined || outstanding.answered) continue;
      const policy = outstanding.command.onWorkerLoss;
      if (policy === 'park') this.#park(open);
      else if (policy === 'fail' || open.losses + 1 >= limits.deliveriesMax) this.#fail(open, policy);
      else if (this.#flight.again(requestId, { lost: true })) this.#owner.counters.redelivered++;
    }
    this.kick();
  }

  /** The worker of an adopted request lives and was asked. */
  adoptedFrom(requestId: string, workerEpoch: string): void {
    this.#flight.hold(requestId, workerEpoch, this.#owner.runtime.clock.monotonicMs());
  }

  /** Every inbox of former owners is read. */
  replayed(gone: readonly string[]): void {
    this.lost(gone);
  }

  /** An operator's command, in order of its number; those already applied are passed over. */
  command(command: NumberedCommand): void {
    if (this.#phase !== 'running' || command.n <= this.#state.lastCommand) return;
    if (this.#inputs.some((input) => 'command' in input && input.command.n === command.n)) return;
    this.#push({ command });
  }

  /** Something changed that may let a waiting request or a held back turn go on. */
  kick(): void {
    if (this.#phase !== 'running' || this.#saving || !this.#owner.mayDecide()) return;
    if (this.#inputs.length > 0 || this.#parked.length > 0 || this.#flight.waiting > 0) void this.#turn();
  }

  /** Ends without touching board or store: the claim is lost, or the session is being given up. */
  stop(reason: EndReason = 'stopped'): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#timers.stop();
    this.#flight.clear();
    this.#owner.released(this, reason);
  }

  /** Resolves when nothing of this flow is being saved (drain). */
  async idle(): Promise<void> {
    await this.#savingNow;
  }

  #push(input: Input): void {
    if (this.#phase !== 'running') return;
    this.#inputs.push(input);
    if (this.#kickDue) return;
    // answers that came in one batch are handed over one after the other: they become one turn
    this.#kickDue = true;
    void Promise.resolve().then(() => {
      this.#kickDue = false;
      this.kick();
    });
  }

  #turn(): Promise<void> {
    this.#saving = true;
    this.#savingNow = this.#save().catch((error: unknown) => this.#giveUp(error));
    return this.#savingNow;
  }

  async #save(): Promise<void> {
    const answers = this.#answers;
    this.#answers = [];
    const { facts, assignments, finish } = this.#decide(this.#inputs.splice(0));
    if (facts.length === 0 && finish === undefined) {
      this.#saving = false;
      return;
    }
    const entries = turnEntries(
      { flowId: this.jobId, seq: this.#seq + 1, fence: this.fence, facts, outcome: finish?.outcome },
      this.#owner.runtime,
    );
    await this.#append(entries, answers, assignments, finish);
  }

  async #append(
    entries: readonly JournalEntry[],
    answers: readonly OpenRequest[],
    assignments: readonly Assignment[],
    finish: Finish | undefined,
  ): Promise<void> {
    for (const entry of entries) {
      if ((await this.#owner.journal.append(entry)) === 'collided') return this.#fenced(entry);
      this.#seq = entry.seq;
    }
    this.#saving = false;
    // the entry stands whatever became of the claim meanwhile; what follows from it is the next owner's if it was lost
    if (this.#phase === 'ended') return;
    for (const { workerEpoch, requestId } of answers) this.#owner.dispatcher.forget(workerEpoch, requestId);
    for (const entry of entries) this.#owner.notify(this, entry);
    this.#timers.moved();
    this.#after(assignments, finish);
  }

  /** Pure but for the state it owns: inputs → facts, and what to do once they are stored. */
  #decide(inputs: readonly Input[]): {
    facts: Fact[];
    assignments: Assignment[];
    finish: Finish | undefined;
  } {
    const facts: Fact[] = this.#parked.splice(0);
    const adopted: OpenRequest[] = [];
    for (const input of inputs) {
      if ('command' in input) facts.push(commandFact(input.command));
      const event = 'event' in input ? input.event : eventOf(input.command);
      if (event === undefined) continue;
      const turn = step(this.#state.run, event);
      facts.push(...turn.facts);
      for (const command of turn.commands) this.#carryOut(command, facts, adopted);
    }
    this.#state.table.apply({ facts });
    const assignments =
      this.#finish === undefined
        ? this.#flight.assign(this.#owner.inboxPlace(), this.#owner.runtime.clock.monotonicMs())
        : [];
    const assigned = assignments.map((assignment) => assignment.fact);
    this.#state.table.apply({ facts: assigned });
    for (const [requestId, { command }] of this.#flight.entries())
      if (
        this.#flight.get(requestId)?.answered === true &&
        this.#state.table.get(command.atom)?.requestId !== requestId
      )
        this.#flight.end(requestId);
    this.#adopting += adopted.length;
    if (adopted.length > 0) this.#owner.adopt(this, adopted);
    if (this.#flight.waiting > 0) this.#owner.hungry(this);
    return { facts: [...facts, ...assigned], assignments, finish: this.#finish };
  }

  #carryOut(command: Command, facts: Fact[], adopted: OpenRequest[]): void {
    switch (command.type) {
      case 'execute':
      case 'revert': {
        const open = this.#flight.begin(command);
        if (open?.state === 'assigned') adopted.push(open);
        if (open === undefined)
          this.#timers.queue(command.requestId, command.queueTimeoutMs, () => this.#queueTimeout(command));
        return;
      }
      case 'abort': {
        const open = this.#flight.openOf(command.requestId);
        if (open)
          this.#owner.dispatcher.cancel(
            open.workerEpoch,
            { requestId: open.requestId, flowId: this.jobId, fence: this.fence },
            'cancelled',
          );
        return;
      }
      case 'startTimer': {
        const dueAtMs = this.#owner.runtime.clock.wallMs() + command.delayMs;
        facts.push({ fact: 'timer', id: command.id, state: 'set', dueAtMs });
        this.#timers.set(command.id, dueAtMs);
        return;
      }
      case 'cancelTimer':
        return this.#timers.cancel(command.id);
      case 'finish':
        this.#finish = { outcome: command.outcome, failures: command.failures };
        return;
      case 'suspended':
      case 'evaluated':
        return;
      default:
        assertNever(command);
    }
  }

  #after(assignments: readonly Assignment[], finish: Finish | undefined): void {
    for (const assignment of assignments) this.#dispatch(assignment);
    if (finish !== undefined) void this.settle(finish.outcome);
    else this.kick();
  }

  #dispatch({ outstanding, fact }: Assignment): void {
    const { command } = outstanding;
    this.#timers.dequeue(command.requestId);
    const failed = (error: unknown): void => {
      const failure = unsendable(error);
      if (failure === undefined) return this.#giveUp(error);
      if (this.#flight.answer(command.requestId))
        this.#push({ event: { type: 'failed', requestId: command.requestId, failure } });
    };
    try {
      const message = taskMessage(
        command,
        fact,
        { flowId: this.jobId, fence: this.fence },
        this.#owner.payloads,
      );
      if (message instanceof Promise)
        message
          .then((ready) => this.#phase === 'running' && this.#owner.dispatcher.request(ready))
          .catch(failed);
      else this.#owner.dispatcher.request(message);
    } catch (error) {
      failed(error);
    }
    // its worker may have gone while the assignment was being saved: nobody else would notice
    if (this.#owner.roster.get(fact.workerEpoch) === undefined)
      this.#owner.workerGone(fact.workerEpoch, this, [command.requestId]);
  }

  #park(open: OpenRequest): void {
    const place = this.#owner.inboxPlace();
    this.#flight.answer(open.requestId);
    const { places: _places, ...request } = open;
    this.#parked.push({ fact: 'request', ...request, ...place, state: 'parked', losses: open.losses + 1 });
  }

  #fail(open: OpenRequest, policy: string): void {
    const message =
      policy === 'fail'
        ? `worker ${open.worker} was lost while it had this task`
        : `${open.losses + 1} workers were lost with this task, the last was ${open.worker}`;
    if (this.#flight.answer(open.requestId) === undefined) return;
    this.#inputs.push({
      event: {
        type: 'failed',
        requestId: open.requestId,
        failure: failureOf('WORKER_LOST', message, { atom: open.atom, worker: open.worker }),
      },
    });
  }

  #queueTimeout(command: TaskCommand): void {
    if (
      this.#flight.openOf(command.requestId) !== undefined ||
      this.#flight.answer(command.requestId) === undefined
    )
      return;
    const failure = failureOf(
      'QUEUE_TIMEOUT',
      `no worker took task ${command.task} within ${command.queueTimeoutMs} ms`,
      { phase: 'queue', atom: command.atom },
    );
    this.#push({ event: { type: 'failed', requestId: command.requestId, failure } });
  }

  /** Kept for a while without any transition, after claims that led to nothing: the job is healthy (P-506). */
  #stayedQuiet(): void {
    if (this.#saving || this.#state.idleClaims === 0) return;
    const [entry] = turnEntries(
      { flowId: this.jobId, seq: this.#seq + 1, fence: this.fence, facts: [], outcome: undefined },
      this.#owner.runtime,
    );
    if (entry === undefined) return;
    this.#saving = true;
    this.#savingNow = this.#owner.journal.append(entry).then(
      (verdict) => {
        if (verdict === 'collided') return this.#fenced(entry);
        this.#seq = entry.seq;
        this.#saving = false;
        this.kick();
      },
      (error: unknown) => this.#giveUp(error),
    );
  }

  /** Takes the finished job off the board; repeated while the session lives, else the next owner does it (P-603, P-622). */
  async settle(outcome: FlowOutcome, trash?: string): Promise<void> {
    this.#phase = 'settling';
    while (this.#phase === 'settling') {
      try {
        await (trash === undefined
          ? this.#owner.board.consume(this.claim)
          : this.#owner.board.trash(this.claim, trash));
        break;
      } catch (error) {
        if (familyOf(error) !== 'unavailable' || codeOf(error) === 'BATON_UNAVAILABLE_SESSION_LOST') break;
        this.#log.warn('job.settle-retry', { jobId: this.jobId, error });
        await new Promise<void>((resolve) => this.#owner.runtime.clock.setTimer(200, resolve));
      }
    }
    this.#log.info('job.settled', { jobId: this.jobId, outcome });
    this.stop('settled');
  }

  #fenced(entry: JournalEntry): void {
    this.#owner.counters.fenced++;
    this.#log.warn('job.fenced', { jobId: this.jobId, seq: entry.seq });
    this.stop('fenced');
  }

  /** Board, store or transport away past the bound: somebody may claim it again after a pause (P-605, P-616). */
  #giveUp(error: unknown): void {
    if (this.#phase === 'ended') return;
    this.#log.error('job.abandoned', { jobId: this.jobId, error });
    if (familyOf(error) !== 'unavailable') this.#owner.fatal(error);
    this.stop('abandoned');
    const { first, max } = limits.abandonMs;
    const pauseMs =
      Math.min(max, first * 2 ** this.#state.idleClaims) * (0.5 + this.#owner.runtime.random.fraction() / 2);
    this.#owner.board
      .abandon(this.claim, { notBeforeMs: this.#owner.runtime.clock.wallMs() + pauseMs })
      .catch((failed: unknown) => this.#log.warn('job.abandon-failed', { jobId: this.jobId, error: failed }));
  }
}

/** Commands this version does not know are recorded and change nothing: a newer client may be about. */
function eventOf(command: NumberedCommand): Event | undefined {
  return command.command === 'cancel'
    ? { type: 'cancel', revert: command.arguments?.['revert'] !== false }
    : undefined;
}

function commandFact(command: NumberedCommand): Fact {
  return {
    fact: 'command',
    n: command.n,
    command: command.command,
    ...(command.by === undefined ? {} : { by: command.by }),
    ...(command.reason === undefined ? {} : { reason: command.reason }),
  };
}
