import {
  assertNever,
  failureOf,
  flowOutcomes,
  formatFence,
  type ActivationFact,
  type ActivationState,
  type AtomFact,
  type AtomState,
  type Fact,
  type Failure,
  type FlowFact,
  type FlowOutcome,
  type FlowState,
  type JournalEntry,
  type TimerFact,
} from '@baton/core';

export interface FailureSummary {
  /** Absent when the run ended without the engine (bad definition, poison job). */
  readonly atom?: string;
  readonly message: string;
  readonly code?: string;
}

/** An atom of an ordered flow, an activation, or an item of one, that waits for an answer from outside. */
export interface WaitingDelegate {
  readonly atom: string;
  /** Of an ordered flow: its attempts are counted in the rounds of the controller around it. */
  readonly round?: number;
  readonly attempt: number;
  readonly sinceMs: number;
  /** When nobody waits any more, cluster time. */
  readonly dueAtMs?: number;
}

/** A run as people look at it; everything may lag. */
export interface FlowDetail {
  readonly flowId: string;
  readonly name: string;
  readonly definitionHash: string;
  readonly state: FlowState;
  readonly outcome?: FlowOutcome;
  /** Member that owns or last owned it. */
  readonly owner?: string;
  readonly fence: string;
  /** Last entry that was folded. */
  readonly seq: number;
  readonly claims: number;
  /** Atoms by state; atoms that were never touched may be missing. */
  readonly counts: Partial<Record<AtomState | ActivationState, number>>;
  /** Atoms that failed, the last ones, cut to fit. */
  readonly failures: readonly FailureSummary[];
  /** What waits for an answer from outside, in the order in which it began to; the first 100. */
  readonly delegates?: readonly WaitingDelegate[];
  readonly postedAtMs?: number;
  readonly updatedAtMs: number;
}

export interface AtomView {
  readonly state: AtomState | ActivationState;
  readonly round?: number;
  readonly attempt?: number;
  readonly failure?: Failure;
}

const FAILURES_MAX = 16;
const MESSAGE_MAX = 512;
const DELEGATES_MAX = 100;

/**
 * Folds journal entries, in order, into what people want to see. Coarse: it knows nothing of the definition, so atoms appear when they
 * are first touched, and those in the scope of a retry controller that begins a new round are seen to do so when they run again.
 */
export class FlowView {
  readonly atoms = new Map<string, AtomView>();
  /** Only delegates have a time to wait for an answer. */
  readonly #delegates = new Set<string>();
  readonly #waiting = new Map<string, WaitingDelegate>();
  #reason: Failure | undefined;
  #detail: Omit<FlowDetail, 'counts' | 'failures' | 'delegates'>;

  constructor(flowId: string) {
    this.#detail = {
      flowId,
      name: '',
      definitionHash: '',
      state: 'PENDING',
      fence: '',
      seq: -1,
      claims: 0,
      updatedAtMs: 0,
    };
  }

  get seq(): number {
    return this.#detail.seq;
  }

  get isOver(): boolean {
    return this.#detail.outcome !== undefined;
  }

  get detail(): FlowDetail {
    const counts: Partial<Record<AtomState | ActivationState, number>> = {};
    const failures: FailureSummary[] = [];
    for (const [atom, { state, failure }] of this.atoms) {
      counts[state] = (counts[state] ?? 0) + 1;
      if (failure !== undefined) failures.push({ atom, ...summaryOf(failure) });
    }
    if (this.#reason !== undefined) failures.push(summaryOf(this.#reason));
    const delegates = [...this.#waiting.values()].slice(0, DELEGATES_MAX);
    return {
      ...{ ...this.#detail, counts, failures: failures.slice(-FAILURES_MAX) },
      ...(delegates.length > 0 && !this.isOver && { delegates }),
    };
  }

  /** Entries at or below the last folded one change nothing. */
  apply(entry: JournalEntry): void {
    if (entry.seq <= this.#detail.seq) return;
    // whoever claims a run that is over does so to reopen it
    if (entry.kind === 'claim') this.#reopen();
    for (const fact of entry.facts) this.#applyFact(fact, entry.atMs);
    const common = { seq: entry.seq, fence: formatFence(entry.fence), updatedAtMs: entry.atMs };
    this.#detail = { ...this.#detail, ...common, ...this.#byKind(entry) };
  }

  /** What the post said, when entry 0 itself was not folded. */
  describe(about: {
    readonly name: string;
    readonly definitionHash: string;
    readonly createdAtMs: number;
  }): void {
    const { name, definitionHash, createdAtMs: postedAtMs } = about;
    this.#detail = { ...this.#detail, name, definitionHash, postedAtMs };
  }

  get isDescribed(): boolean {
    return this.#detail.definitionHash !== '';
  }

  #byKind(entry: JournalEntry): Partial<FlowDetail> {
    switch (entry.kind) {
      case 'post': {
        const { name, definitionHash } = entry.post;
        return { name, definitionHash, postedAtMs: entry.atMs };
      }
      case 'claim':
        return { owner: entry.claim.member, claims: this.#detail.claims + 1 };
      case 'reopen':
        return {};
      case 'terminal':
        this.#reason = entry.reason ?? this.#reason;
        return { outcome: entry.outcome, state: entry.outcome };
      case 'turn':
        return {};
      default:
        return assertNever(entry);
    }
  }

  #reopen(): void {
    const { outcome, ...going } = this.#detail;
    if (outcome === undefined) return;
    this.#detail = going;
    this.#reason = undefined;
  }

  #applyFact(fact: Fact, atMs: number): void {
    if (fact.fact === 'flow') this.#applyFlow(fact);
    else if (fact.fact === 'atom') this.#applyAtom(fact);
    else if (fact.fact === 'attempt') this.#waiting.delete(fact.atom);
    else if (fact.fact === 'activation') this.#applyActivation(fact, atMs);
    else if (fact.fact === 'timer') this.#applyTimer(fact, atMs);
    else if (fact.fact === 'scope' && fact.of === undefined && (fact.to === 'RESET' || fact.to === 'RERUN'))
      this.#resetAll();
  }

  #applyFlow({ to, message, isStopped }: FlowFact): void {
    this.#detail = { ...this.#detail, state: to };
    const isSaid = isStopped === true && to === 'FAILURE' && typeof message === 'string';
    this.#reason = isSaid ? failureOf('FAILED', message) : undefined;
  }

  #applyAtom({ atom, to, round, attempt, failure }: AtomFact): void {
    this.#waiting.delete(atom);
    const before = this.atoms.get(atom);
    const kept = to === 'PENDING' ? undefined : (failure ?? before?.failure);
    const roundNow = round ?? before?.round;
    const attemptNow = attempt ?? before?.attempt;
    this.atoms.set(atom, {
      state: to,
      ...(roundNow === undefined ? {} : { round: roundNow }),
      ...(attemptNow === undefined ? {} : { attempt: attemptNow }),
      ...(kept === undefined || to === 'SUCCESS' ? {} : { failure: kept }),
    });
  }

  #applyActivation(fact: ActivationFact, atMs: number): void {
    const { activation, to, attempt, failure, limits, items } = fact;
    if (limits?.waitMs !== undefined && items === undefined) this.#delegates.add(activation);
    // one that is paused is waited for all the same
    const isStill = to === 'SUSPENDED' || (fact.from === 'SUSPENDED' && to === 'RUNNING');
    if (!isStill) this.#waiting.delete(activation);
    if (to === 'RUNNING' && attempt !== undefined && this.#delegates.has(activation))
      this.#waiting.set(activation, { atom: activation, attempt, sinceMs: atMs });
    const before = this.atoms.get(activation);
    const attemptNow = attempt ?? before?.attempt;
    const kept = failure ?? before?.failure;
    this.atoms.set(activation, {
      state: to,
      ...(attemptNow !== undefined && { attempt: attemptNow }),
      ...(kept !== undefined && to !== 'SUCCESS' && { failure: kept }),
    });
  }

  /** Only what waits for an answer has such a timer; of an atom of an ordered flow nothing else says so. */
  #applyTimer({ id, state, atom = '', dueAtMs }: TimerFact, sinceMs: number): void {
    const [, round, number] = /\/wait\.(?:(\d+)\.)?(\d+)$/.exec(id) ?? [];
    if (state !== 'set' || dueAtMs === undefined || number === undefined) return;
    const attempt = Number(number);
    const begun = { atom, attempt, sinceMs, ...(round !== undefined && { round: Number(round) }) };
    const waiting = round === undefined ? this.#waiting.get(atom) : (this.#waiting.get(atom) ?? begun);
    if (waiting?.attempt === attempt) this.#waiting.set(atom, { ...waiting, dueAtMs });
  }

  #resetAll(): void {
    this.#waiting.clear();
    for (const atom of this.atoms.keys()) this.atoms.set(atom, { state: 'PENDING' });
  }
}

export const isOutcome = (state: string): state is FlowOutcome =>
  (flowOutcomes as readonly string[]).includes(state);

function summaryOf({ message, code }: Failure): FailureSummary {
  const text = message.length <= MESSAGE_MAX ? message : `${message.slice(0, MESSAGE_MAX)}…`;
  return { message: text, ...(code === undefined ? {} : { code }) };
}
