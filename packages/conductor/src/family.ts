/**
 * Purpose: what one owned run has to do with others: its parent, its child runs, and who sends the events it waits for; in the order in which its turns
 *   are stored.
 * What is authoritative: its journal. What is told again, by the next owner too, changes nothing.
 * Not here: how they are told (`child-jobs.ts`, `event-waits.ts`).
 */
import type { JournalEntry } from '@baton/core';
import { isOpenDelegate, type Outcome } from '@baton/engine';
import type { Claim } from '@baton/jobboard';
import type { AwaitEventCommand } from '@baton/engine';
import { type ChildCommand, type ChildJobs, endKey } from './child-jobs.js';
import type { EventWaits } from './event-waits.js';
import { type FlowChange, flowChangeIn, type OwnedState } from './owned-state.js';
import type { Finish } from './turn-draft.js';

/** What a turn wants done beside its run and the workers. */
export type OutsideCommand = ChildCommand | AwaitEventCommand;

interface Outside {
  readonly children: ChildJobs;
  readonly events: EventWaits;
}

export interface FamilyCallbacks {
  /** What is known of a child without being told by it. */
  readonly answered: (requestId: string, outcome: Outcome) => void;
  readonly fault: (error: unknown) => void;
}

export class Family {
  readonly #outside: Outside;
  readonly #claim: Claim;
  readonly #state: OwnedState;
  readonly #callbacks: FamilyCallbacks;
  #pending = 0;
  /** Attempts that are noted to wait for an event. */
  readonly #awaiting = new Set<string>();
  /** What the parent was told last. */
  #told: Promise<void> = Promise.resolve();

  constructor(outside: Outside, claim: Claim, state: OwnedState, callbacks: FamilyCallbacks) {
    this.#outside = outside;
    this.#claim = claim;
    this.#state = state;
    this.#callbacks = callbacks;
  }

  /** Something is being told or started that only this owner knows is not done yet. */
  get isBusy(): boolean {
    return this.#pending > 0;
  }

  /** What a turn of this owner asked for is to be done, and its entries are stored. */
  stored(commands: readonly OutsideCommand[], entries: readonly JournalEntry[]): void {
    this.#forgetAnswered();
    for (const command of commands) void this.#carryOut(command);
    const changes = entries.map(flowChangeIn);
    this.#tell(changes.findLast((change) => change !== undefined));
  }

  /** The former owner may have died before it told. */
  takenOver(): void {
    this.#tell(this.#state.flowChange);
  }

  /** Before an ended run leaves the board; `seq`: of its terminal entry. @throws UnavailableError */
  async settle(end: Finish, seq: number): Promise<void> {
    await this.#told;
    await this.#outside.children.settle({
      ...{ claim: this.#claim, key: endKey(seq), end, state: this.#state },
    });
    const left = [...this.#awaiting];
    this.#awaiting.clear();
    await this.#outside.events.forget(left);
  }

  async #carryOut(command: OutsideCommand): Promise<void> {
    this.#pending++;
    try {
      if (command.type === 'awaitEvent') await this.#awaitEvent(command);
      else {
        const outcome = await this.#outside.children.carryOut(command, this.#claim.posting);
        if (outcome) this.#callbacks.answered(command.requestId, outcome);
      }
    } catch (error) {
      this.#callbacks.fault(error);
    }
    this.#pending--;
  }

  async #awaitEvent(command: AwaitEventCommand): Promise<void> {
    const { requestId } = command;
    const isOpen = (): boolean => isOpenDelegate(this.#state.run, requestId);
    if (!isOpen()) return; // answered in the turn that asked for it again
    this.#awaiting.add(requestId);
    const { jobId } = this.#claim;
    await this.#outside.events.open(command, { jobId, requestId, state: this.#state, isOpen });
    // answered meanwhile, and maybe forgotten before it was noted
    if (!this.#awaiting.has(requestId)) await this.#outside.events.forget([requestId]);
  }

  /** What the journal says is not waited for any more: before that is stored, the next owner might note it again, and then lose it. */
  #forgetAnswered(): void {
    const answered = [...this.#awaiting].filter((requestId) => !isOpenDelegate(this.#state.run, requestId));
    if (answered.length === 0) return;
    for (const requestId of answered) this.#awaiting.delete(requestId);
    void this.#outside.events.forget(answered);
  }

  /** One after the other: what comes last stands. */
  #tell(change: FlowChange | undefined): void {
    const { lineage } = this.#claim.posting;
    if (!lineage || !change) return;
    const news = { ...change, order: this.#state.lastOrder };
    this.#pending++;
    this.#told = this.#told
      .then(() => this.#outside.children.changed(lineage, news))
      .catch((error: unknown) => this.#callbacks.fault(error))
      .finally(() => void this.#pending--);
  }
}
