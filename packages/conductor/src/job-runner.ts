/**
 * Purpose: owns one claimed job: stores its turns one after the other, and keeps the order save → dispatch → notify.
 * States: running → settling → ended. At most one turn of the flow is being saved; what happens meanwhile becomes the next one.
 * What is authoritative: the journal. Everything here is dropped when the claim is lost.
 * On failure: another owner's entry in the way = fenced: stop, touch nothing (P-405). Store away past its bound: abandon (P-616).
 * Not here: computing a turn (`flow-turns.ts`), which job to claim (`claim-loop.ts`), batches of adoptions (`adoption.ts`).
 */
import { ConflictError, codeOf, familyOf, formatFence, toFailure } from '@baton/core';
import type { Fence, JournalEntry, Logger } from '@baton/core';
import { answerOf } from '@baton/engine';
import type { Claim, Posting, Waits } from '@baton/jobboard';
import { snapshotEveryEntries } from '@baton/persistence';
import { abandonClaim } from './abandon-claim.js';
import { Family } from './family.js';
import { FlowTurns } from './flow-turns.js';
import { limits } from './options.js';
import type { OwnedState } from './owned-state.js';
import type { Ownership } from './ownership.js';
import type { Waiter } from './place-queue.js';
import { sendRequest } from './send-request.js';
import type { Finish, TurnDraft } from './turn-draft.js';
import { turnEntries } from './turn-entries.js';
import { lineOf } from './worker-roster.js';

/** Why a runner ended. `settled`: the run is over and off the board; `asleep`: it waits on the board; the others leave the job to somebody else. */
export type EndReason = 'settled' | 'asleep' | 'fenced' | 'abandoned' | 'released' | 'stopped';

const noFollow = { assignments: [], answers: [], aborts: [], adopted: [], outside: [] } as const;

export class JobRunner implements Waiter {
  readonly jobId: string;
  readonly fence: Fence;
  readonly claim: Claim;
  readonly turns: FlowTurns;
  readonly #family: Family;
  readonly #owner: Ownership;
  readonly #log: Logger;
  #seq: number;
  #saving: Promise<void> | undefined;
  #kickDue = false;
  #commandsRead = false;
  #isLeaving = false;
  /** It is being put to sleep. */
  #isHeld = false;
  /** Tasks that requests wait for and no live worker offers. */
  #withoutWorker: ReadonlySet<string> = new Set();
  #phase: 'running' | 'settling' | 'ended' = 'running';

  /** `state` is the fold of the whole journal; nothing is decided before `begin` or `takeOver` says that the fence is in it. */
  constructor(owner: Ownership, claim: Claim, state: OwnedState) {
    this.#owner = owner;
    this.#log = owner.runtime.logger;
    this.claim = claim;
    this.jobId = claim.jobId;
    this.fence = claim.fence;
    this.#seq = state.seq;
    this.turns = new FlowTurns(owner, claim.jobId, state, {
      onInput: () => this.#kickSoon(),
      onFault: (error) => this.#giveUp(error),
      beforeTimer: () => owner.commands.look([this]),
      onAdopted: () => this.#lookIfHealthy(),
    });
    this.#family = new Family(owner, claim, state, {
      answered: (requestId, outcome) => this.turns.event(answerOf(requestId, outcome)),
      fault: (error) => this.#giveUp(error),
    });
  }

  /** Computes the first turn of a job nobody owned before; its facts ride in the claim entry. */
  firstTurn(): TurnDraft {
    this.#saving = Promise.resolve(); // held until `begin`
    this.turns.event({ type: 'run' });
    return this.#next(this.#owner.places.allowance(this));
  }

  /** The claim entry with the first turn is stored; what did not fit into it follows before anything is sent. */
  begin(first: TurnDraft, [claimEntry, ...rest]: readonly JournalEntry[]): void {
    if (this.#phase !== 'running') return; // the session ended while the fence was being stored
    if (claimEntry !== undefined) {
      this.#moved(claimEntry.seq);
      this.#owner.notify(this, claimEntry);
      this.#family.stored([], [claimEntry]);
    }
    this.#log.debug('job.claimed', {
      jobId: this.jobId,
      monotonicMs: this.#owner.runtime.clock.monotonicMs(),
    });
    this.#save(first, rest);
  }

  /** The bare claim entry is stored, or one behind it that reopens the run: goes on where the former owner stopped. */
  takeOver(stored: JournalEntry): void {
    if (this.#phase !== 'running') return; // the session ended while the fence was being stored
    const { state, timers } = this.turns;
    this.#moved(stored.seq);
    this.#owner.notify(this, stored);
    state.boundTimers(this.#owner.runtime.clock.wallMs(), this.claim.posting.dueTimer);
    for (const [id, dueAtMs] of state.timers) timers.set(id, dueAtMs);
    this.#family.takenOver();
    timers.quiet(limits.poisonQuietMs, () => this.#stayedQuiet());
    this.turns.event({ type: state.started ? 'adopt' : 'run' });
  }

  /** Something changed that may let a waiting request or a held back turn go on. */
  kick(): void {
    if (this.#canDecide) this.#turn(this.#owner.places.allowance(this));
  }

  /** The operator commands that were there have been handed over. */
  commandsRead(): void {
    this.#commandsRead = true;
    this.#lookIfHealthy();
  }

  get hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  get priority(): Posting['priority'] {
    return this.claim.posting.priority;
  }

  /** It only waits, for a worker that nobody offers, a time or a person. */
  get isResting(): boolean {
    return this.#isIdle && this.turns.isResting();
  }

  get #isIdle(): boolean {
    return this.#phase === 'running' && this.#saving === undefined && !this.#family.isBusy;
  }

  /** Number of the last entry that is known to be stored. */
  get seq(): number {
    return this.#seq;
  }

  /** What it waits for that can be waited for asleep; undefined: it has something to do, or will soon. */
  get waits(): Waits | undefined {
    const { turns } = this;
    if (!this.#isIdle || !turns.isResting('dormant')) return undefined;
    const { lastCommand } = turns;
    const { next } = turns.timers;
    if (next === undefined) return { lastCommand };
    return next.inMs < limits.sleepMsMin ? undefined : { lastCommand, due: next };
  }

  /** Decides nothing until `goOn`. */
  hold(): void {
    this.#isHeld = true;
  }

  goOn(): void {
    this.#isHeld = false;
    this.kick();
  }

  get isWaiting(): boolean {
    return this.turns.flight.waiting > 0;
  }

  /** It is its turn to use places of workers that are free. */
  takePlaces(limit: number): number {
    return this.#canDecide && this.turns.flight.hasRoom ? this.#turn(limit) : 0;
  }

  /** Logs once when a task that is waited for has no worker any more, and when it has one again (P-902). */
  lookForWorkers(): boolean {
    const { roster } = this.#owner;
    const demands = [...this.turns.flight.demands()];
    const without = new Set(demands.filter((demand) => !roster.isOffered(demand)).map(lineOf));
    for (const task of without)
      if (!this.#withoutWorker.has(task))
        this.#log.warn('job.waiting-for-worker', { jobId: this.jobId, task });
    for (const task of this.#withoutWorker)
      if (!without.has(task)) this.#log.info('job.worker-found', { jobId: this.jobId, task });
    this.#withoutWorker = without;
    return demands.some((demand) => !without.has(lineOf(demand)));
  }

  /** Ends without touching board or store: the claim is lost, or the session is being given up. */
  stop(reason: EndReason = 'stopped'): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.turns.stop();
    this.#owner.heads?.gone(this.jobId);
    this.#owner.released(this, reason);
  }

  /**
   * Decides nothing more, and resolves when nothing of this flow is being saved (drain): what was decided now would be saved and not sent. A
   * claim that ends by a hand-over is not one that led to nothing.
   */
  async handOver(): Promise<void> {
    this.#isLeaving = true;
    if (this.turns.timers.isQuiet) this.#stayedQuiet();
    await this.#saving;
  }

  get #canDecide(): boolean {
    if (this.#phase !== 'running' || this.#saving !== undefined || this.#isLeaving || this.#isHeld)
      return false;
    return this.turns.isDue && this.#owner.mayDecide();
  }

  #turn(placesMax: number): number {
    let draft: TurnDraft;
    try {
      draft = this.#next(placesMax);
    } catch (error) {
      this.#giveUp(error);
      return 0;
    }
    const turn = { flowId: this.jobId, seq: this.#seq + 1, fence: this.fence };
    const isNothing = draft.facts.length === 0 && draft.finish === undefined;
    const entries = isNothing
      ? []
      : turnEntries({ ...turn, facts: draft.facts, outcome: draft.finish?.outcome }, this.#owner.runtime);
    this.#save(draft, entries);
    return draft.assignments.length;
  }

  #next(placesMax: number): TurnDraft {
    const draft = this.turns.next(placesMax);
    this.#owner.places.took(this, draft.assignments.length);
    return draft;
  }

  /** Answers that came in one batch are handed over one after the other: they become one turn. */
  #kickSoon(): void {
    if (this.#kickDue) return;
    this.#kickDue = true;
    void Promise.resolve().then(() => {
      this.#kickDue = false;
      this.kick();
    });
  }

  #save(draft: TurnDraft, entries: readonly JournalEntry[]): void {
    this.#saving = this.#append(entries).then(
      (isStored) => {
        this.#saving = undefined;
        if (isStored) this.#stored(draft, entries);
      },
      (error: unknown) => {
        const isReason = entries.some((entry) => entry.kind === 'terminal' && entry.reason !== undefined);
        if (familyOf(error) === 'input' && !isReason) this.#unstorable(error, draft);
        else this.#giveUp(error);
      },
    );
  }

  /** A turn that no document can hold would not fit the next owner's either: the run ends with that as its reason (P-615). */
  #unstorable(error: unknown, { aborts }: TurnDraft): void {
    if (this.#phase !== 'running') return;
    this.#log.error('job.unstorable', { jobId: this.jobId, error });
    const reason = toFailure(error);
    const finish = { outcome: 'FAILURE', failures: [reason] } as const;
    const running = [...this.turns.state.table.values()].filter(({ state }) => state === 'assigned');
    this.#saveBeside({ aborts: [...aborts, ...running], finish });
  }

  #moved(seq: number): void {
    this.#seq = seq;
    // an entry that was on its way at the end is stored all the same: the job is another's by then
    if (this.#phase !== 'ended') this.#owner.heads?.changed(this.jobId, seq);
  }

  async #append(entries: readonly JournalEntry[]): Promise<boolean> {
    for (const entry of entries) {
      if ((await this.#owner.journal.append(entry)) === 'collided') {
        this.#fenced(entry);
        return false;
      }
      this.#moved(entry.seq);
    }
    return true;
  }

  /** The turn stands whatever became of the claim meanwhile; what follows from it is the next owner's if it was lost. */
  #stored(draft: TurnDraft, entries: readonly JournalEntry[]): void {
    if (this.#phase !== 'running') return;
    const { dispatcher } = this.#owner;
    for (const { workerEpoch, requestId } of draft.answers) dispatcher.forget(workerEpoch, requestId);
    const onFault = (error: unknown): void => this.#giveUp(error);
    for (const assignment of draft.assignments)
      sendRequest(this, assignment, { owner: this.#owner, onFault });
    for (const { workerEpoch, requestId } of draft.aborts) {
      const target = { requestId, flowId: this.jobId, fence: this.fence };
      if (draft.finish === undefined) dispatcher.cancel(workerEpoch, target, 'cancelled');
      else dispatcher.giveUp(workerEpoch, target, 'its run is over');
    }
    this.#family.stored(draft.outside, entries);
    if (draft.adopted.length > 0) this.#owner.adopt(this, draft.adopted);
    for (const entry of entries) this.#owner.notify(this, entry);
    if (entries.length > 0) this.turns.timers.moved();
    if (draft.finish === undefined) this.#snapshotIfDue();
    if (draft.finish !== undefined) void this.#settle(draft.finish);
    else this.#goOn();
  }

  /** What came while the turn was being saved is the next one; a request that no worker had room for waits in the queue. */
  #goOn(): void {
    if (this.isWaiting) {
      this.#owner.places.wait(this);
      this.#owner.places.serveSoon();
    }
    if (this.turns.hasNews) this.kick();
    else this.#lookIfHealthy();
  }

  /**
   * After claims that led to nothing, everything that could be decided is, and it was nothing: the job does not hurt its owners, who die
   * of something else while it waits for a worker, a time, a person or a running task (P-506). Noted at once: the next owner may not live
   * until it has been quiet.
   */
  #lookIfHealthy(): void {
    const { state, timers } = this.turns;
    if (state.idleClaims > 1 && timers.isQuiet && this.#commandsRead && this.turns.isAtRest)
      this.#stayedQuiet();
  }

  /** Kept for a while, or handed over, without any transition after claims that led to nothing: the job is healthy (P-506). */
  #stayedQuiet(): void {
    if (this.#saving === undefined && this.#phase === 'running') this.#saveBeside({});
  }

  /** An entry that the engine knows nothing of. */
  #saveBeside(follow: Partial<Pick<TurnDraft, 'aborts' | 'finish'>>): void {
    const turn = { flowId: this.jobId, seq: this.#seq + 1, fence: this.fence, facts: [] };
    const { outcome, failures } = follow.finish ?? {};
    const nothing = { ...noFollow, facts: [], finish: undefined };
    this.#save(
      { ...nothing, ...follow },
      turnEntries({ ...turn, outcome, reason: failures?.[0] }, this.#owner.runtime),
    );
  }

  /** Everything in the state is stored: written down beside the journal, so that the next owner reads less. Nobody waits for it. */
  #snapshotIfDue(): void {
    const { state } = this.turns;
    // that of a routed run grows with its journal: all snapshots together stay within nine times the last
    const growing = 'shape' in state.run ? state.snapshotSeq / 8 : 0;
    if (this.#seq - state.snapshotSeq < Math.max(snapshotEveryEntries, growing)) return;
    state.snapshotSeq = this.#seq;
    const text = state.snapshot();
    if (text === undefined) return;
    this.#owner.snapshots
      .write(this.jobId, { seq: this.#seq, fence: this.fence, state: text })
      .catch((error: unknown) => this.#log.warn('job.snapshot-failed', { jobId: this.jobId, error }));
  }

  /** Takes the finished job off the board; repeated while the session lives, else the next owner does it (P-603, P-622). */
  async #settle(end: Finish): Promise<void> {
    const { board, runtime } = this.#owner;
    const { outcome } = end;
    this.#phase = 'settling';
    while (this.#phase === 'settling') {
      try {
        await this.#family.settle(end, this.#seq);
        await board.consume(this.claim);
        break;
      } catch (error) {
        if (familyOf(error) === 'not-found') break; // it has left the board
        if (familyOf(error) !== 'unavailable' || codeOf(error) === 'BATON_UNAVAILABLE_SESSION_LOST') {
          this.#log.info('job.not-settled', { jobId: this.jobId, outcome, error });
          return this.stop('stopped');
        }
        this.#log.warn('job.settle-retry', { jobId: this.jobId, error });
        await new Promise<void>((resolve) => runtime.clock.setTimer(limits.settleRetryMs, resolve));
      }
    }
    if (this.#phase !== 'settling') return; // its claim is over, with the session
    this.#log.debug('job.settled', { jobId: this.jobId, outcome, monotonicMs: runtime.clock.monotonicMs() });
    this.stop('settled');
  }

  #fenced(entry: JournalEntry): void {
    this.#owner.counters.fenced++;
    const error = new ConflictError(
      'BATON_CONFLICT_FENCED',
      `entry ${entry.seq} of ${this.jobId} was refused: another owner has written since fence ${formatFence(this.fence)}`,
    );
    this.#log.warn('job.fenced', { jobId: this.jobId, seq: entry.seq, error });
    this.stop('fenced');
  }

  /** Board, store or transport away past the bound: somebody may claim it again after a pause (P-605, P-616). */
  #giveUp(error: unknown): void {
    // settling: the run is over, and a claim is not to be ended in two ways
    if (this.#phase !== 'running') return;
    const { runtime } = this.#owner;
    if (familyOf(error) !== 'unavailable') this.#owner.fatal(error);
    this.#log.error('job.abandoned', { jobId: this.jobId, error });
    this.stop('abandoned');
    const { first, max } = limits.abandonMs;
    const pauseMs =
      Math.min(max, first * 2 ** this.turns.state.idleClaims) * (0.5 + runtime.random.fraction() / 2);
    void abandonClaim(this.#owner, this.claim, { pauseMs });
  }
}
