/**
 * Purpose: TaskFlow's own schedule (FORMAT 3): what was submitted waits in a queue, and completes one at a time.
 * States: the queue, and for each request its answer. They are the world's: they outlive the engine that asked.
 * Not here: the order in which the engine submits (`step`), what a body does (world.ts).
 */
import type { Command, Event, ExecuteCommand, Outcome, RevertCommand } from '@baton/engine';
import type { Scenario } from './scenario.js';

/** A request that was answered, or taken back. */
export interface Answered {
  readonly requestId: string;
  readonly withdrawn: boolean;
}

interface Queued {
  readonly requestId: string;
  readonly outcome: () => Outcome;
  /** Nothing was done for it yet. */
  waits: boolean;
  withdrawn: boolean;
  /** A controller was evaluated; nobody works on it. */
  readonly evaluated: boolean;
}

export class ReferenceSchedule {
  readonly #isSerial: boolean;
  readonly #picks: readonly number[];
  readonly #body: (command: ExecuteCommand | RevertCommand) => Outcome;
  readonly #answers = new Map<string, Outcome>();
  readonly #recorded = new Set<string>();
  #queue: Queued[] = [];
  #picked = 0;
  /** Instead of picks: the order of another run; controllers go first, as nobody waits for them there (E-1404). */
  readonly #order: Answered[] | undefined;
  /** Requests that came again though the journal knew their outcome (E-1331). */
  readonly repeated: string[] = [];

  constructor(
    { kind, picks = [] }: NonNullable<Scenario['engine']>,
    body: (command: ExecuteCommand | RevertCommand) => Outcome,
    order?: readonly Answered[],
  ) {
    this.#order = order && [...order];
    this.#isSerial = kind === 'serial';
    this.#picks = picks;
    this.#body = body;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Takes a command from the engine. */
  submit(command: Command): void {
    const entry = this.#entryOf(command);
    if (!entry) return;
    if (this.#recorded.has(entry.requestId)) this.repeated.push(entry.requestId);
    if (!entry.waits) entry.outcome();
    this.#queue.push(entry);
  }

  /** The next completion; no outcome: it was taken back before anything was done for it. */
  complete(): { readonly requestId: string; outcome(): Outcome | undefined } {
    const pick = this.#order ? this.#followed(this.#order) : this.#pick();
    const [next] = this.#queue.splice(pick, 1);
    if (!next) throw new Error('the queue is empty');
    const { requestId, withdrawn, outcome } = next;
    return { requestId, outcome: () => (withdrawn ? undefined : outcome()) };
  }

  #pick(): number {
    const { length } = this.#picks;
    return length > 0 ? (this.#picks[this.#picked++ % length] ?? 0) % this.#queue.length : 0;
  }

  /** The one that the other run was told of first. */
  #followed(order: Answered[]): number {
    const controller = this.#queue.findIndex(({ evaluated }) => evaluated);
    if (controller >= 0) return controller;
    const place = order.findIndex(({ requestId }) =>
      this.#queue.some((entry) => entry.requestId === requestId),
    );
    const [answered] = place < 0 ? [] : order.splice(place, 1);
    const pick = this.#queue.findIndex(({ requestId }) => requestId === answered?.requestId);
    const next = this.#queue[pick];
    if (next && answered) next.withdrawn = answered.withdrawn;
    return Math.max(0, pick);
  }

  /** The engine stored what became of a request. One that was taken back was not answered: the next run asks for it again (E-823). */
  recorded({ type, requestId }: { readonly type: Event['type']; readonly requestId: string }): void {
    if (type !== 'withdrawn') this.#recorded.add(requestId);
    // an engine that died with an answer in hand was followed by one that asked again
    const asked = this.#queue.findIndex((entry) => entry.requestId === requestId);
    if (asked >= 0) this.#queue.splice(asked, 1);
  }

  withdrawWaiting(): void {
    for (const entry of this.#queue) entry.withdrawn ||= entry.waits;
  }

  /** Runs `act`; what it takes back is not taken back, though the engine may die meanwhile and another one ask. */
  withoutWithdrawing(act: () => void): void {
    const before = new Map(this.#queue.map(({ requestId, withdrawn }) => [requestId, withdrawn]));
    act();
    for (const entry of this.#queue) entry.withdrawn = before.get(entry.requestId) ?? entry.withdrawn;
  }

  /**
   * The engine died, and the one that took over asks for these. Whether somebody began to work on a request, and who answers first, stays as
   * it was.
   */
  takeOver(commands: readonly Command[]): void {
    const places = new Map(this.#queue.map((entry, place) => [entry.requestId, { entry, place }]));
    this.#queue = [];
    for (const command of commands) {
      const entry = this.#entryOf(command);
      if (!entry) continue;
      if (this.#recorded.has(entry.requestId)) this.repeated.push(entry.requestId);
      const { withdrawn, waits } = places.get(entry.requestId)?.entry ?? entry;
      this.#queue.push({ ...entry, withdrawn, waits });
    }
    const place = ({ requestId }: Queued): number => places.get(requestId)?.place ?? places.size;
    this.#queue.sort((a, b) => place(a) - place(b));
  }

  /** A new process (FORMAT 3.3); `forgets`: it goes on from what TaskFlow stored, so no request of before is known. */
  restart({ forgets }: { readonly forgets: boolean }): void {
    this.#queue = [];
    this.#picked = 0;
    if (!forgets) return;
    this.#answers.clear();
    this.#recorded.clear();
  }

  #entryOf(command: Command): Queued | undefined {
    if (command.type === 'evaluated') {
      const { requestId, outcome } = command;
      return { requestId, outcome: () => outcome, waits: false, withdrawn: false, evaluated: true };
    }
    if (command.type !== 'execute' && command.type !== 'revert') return undefined;
    const { requestId } = command;
    const waits = !this.#isSerial;
    return { requestId, outcome: () => this.#answerOf(command), waits, withdrawn: false, evaluated: false };
  }

  /** A worker does a request once; asked again, it gives the same answer. */
  #answerOf(command: ExecuteCommand | RevertCommand): Outcome {
    const known = this.#answers.get(command.requestId);
    if (known) return known;
    const answer = this.#body(command);
    this.#answers.set(command.requestId, answer);
    return answer;
  }
}
