/**
 * Purpose: what one owned run has to do with its parent and its child runs, in the order in which its turns are stored.
 * What is authoritative: its journal. What is told again, by the next owner too, changes nothing.
 * Not here: how they are told (`child-jobs.ts`).
 */
import type { Failure, JournalEntry } from '@baton/core';
import type { Claim } from '@baton/jobboard';
import type { ChildCommand, ChildJobs } from './child-jobs.js';
import { type FlowChange, flowChangeIn, type OwnedState } from './owned-state.js';
import type { Finish } from './turn-draft.js';

export interface FamilyCallbacks {
  /** A child can never be started. */
  readonly failed: (requestId: string, failure: Failure) => void;
  readonly fault: (error: unknown) => void;
}

export class Family {
  readonly #children: ChildJobs;
  readonly #claim: Claim;
  readonly #state: OwnedState;
  readonly #callbacks: FamilyCallbacks;
  #pending = 0;
  /** What the parent was told last. */
  #told: Promise<void> = Promise.resolve();

  constructor(children: ChildJobs, claim: Claim, state: OwnedState, callbacks: FamilyCallbacks) {
    this.#children = children;
    this.#claim = claim;
    this.#state = state;
    this.#callbacks = callbacks;
  }

  /** Something is being told or started that only this owner knows is not done yet. */
  get isBusy(): boolean {
    return this.#pending > 0;
  }

  /** What a turn of this owner asked for is to be done, and its entries are stored. */
  stored(commands: readonly ChildCommand[], entries: readonly JournalEntry[]): void {
    for (const command of commands) void this.#carryOut(command);
    const changes = entries.map(flowChangeIn);
    this.#tell(changes.findLast((change) => change !== undefined));
  }

  /** The former owner may have died before it told. */
  takenOver(): void {
    this.#tell(this.#state.flowChange);
  }

  /** Before an ended run leaves the board. @throws UnavailableError */
  async settle(end: Finish): Promise<void> {
    await this.#told;
    const { jobId, posting } = this.#claim;
    const { run, cancelled: isCancelled } = this.#state;
    await this.#children.settle({ jobId, posting, end, isCancelled, run });
  }

  async #carryOut(command: ChildCommand): Promise<void> {
    this.#pending++;
    try {
      const failure = await this.#children.carryOut(command, this.#claim.posting);
      if (failure) this.#callbacks.failed(command.requestId, failure);
    } catch (error) {
      this.#callbacks.fault(error);
    }
    this.#pending--;
  }

  /** One after the other: what comes last stands. */
  #tell(change: FlowChange | undefined): void {
    const { lineage } = this.#claim.posting;
    if (!lineage || !change) return;
    const news = { ...change, order: this.#state.lastOrder };
    this.#pending++;
    this.#told = this.#told
      .then(() => this.#children.changed(lineage, news))
      .catch((error: unknown) => this.#callbacks.fault(error))
      .finally(() => void this.#pending--);
  }
}
