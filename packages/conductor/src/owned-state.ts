/**
 * Purpose: the state of one flow as its journal tells it: fold of all entries, or of a snapshot and the entries behind it.
 * What is authoritative: the entries; loading them again gives the same. A snapshot is the same state, written down by an owner.
 */
import { flowOutcomes, type CommandFact, type Fact, type FlowState, type JournalEntry } from '@baton/core';
import { foldAny, newAnyRun, restoreAny, snapshotAny } from '@baton/engine';
import type { AnyCompiled, AnyRun } from '@baton/engine';
import type { FlowJournal } from '@baton/persistence';
import type { OpenRequest } from './request-table.js';
import { RequestTable } from './request-table.js';

interface Snapshot {
  readonly run: string;
  readonly requests: readonly OpenRequest[];
  /** When the attempts of running atoms were created. */
  readonly created?: readonly (readonly [string, number])[];
  readonly timers: readonly (readonly [string, number])[];
  readonly delays?: readonly (readonly [string, number])[];
  readonly lastCommand: number;
  readonly lastOrder?: number;
  readonly undo?: number;
  readonly cancelled?: boolean;
  readonly missed?: readonly number[];
}

/** A run was suspended, or went on. */
export interface FlowChange {
  readonly state: 'SUSPENDED' | 'RUNNING';
  /** Of the entry that says so. */
  readonly seq: number;
}

export function flowChangeIn({ facts, seq }: JournalEntry): FlowChange | undefined {
  for (const fact of facts.toReversed()) {
    if (fact.fact !== 'flow') continue;
    if (fact.to === 'SUSPENDED') return { state: fact.to, seq };
    if (fact.to === 'RUNNING' && fact.from === 'SUSPENDED') return { state: fact.to, seq };
  }
  return undefined;
}

/** A run that was over goes on; one that was undone from the beginning (PENDING). */
export function isReopened(fact: Fact): boolean {
  return fact.fact === 'flow' && isOutcome(fact.from);
}

export function isOutcome(flow: FlowState): boolean {
  return (flowOutcomes as readonly FlowState[]).includes(flow);
}

export class OwnedState {
  readonly table = new RequestTable();
  /** Due times of the timers that are set, by the wall clock of the owner that set them. */
  readonly timers = new Map<string, number>();
  /** What they were set for (ms). */
  readonly #delays = new Map<string, number>();
  run: AnyRun;
  /** Sequence number of the last entry that was folded. */
  seq = -1;
  /** Of the entry that the last snapshot was written after; 0: there is none. */
  snapshotSeq = 0;
  /** Something was decided before this claim: requests may be on their way. */
  started = false;
  /** A terminal entry is there, and nobody has reopened the run since. */
  isOver = false;
  /** Claims in a row that led to nothing. */
  idleClaims = 0;
  /** Last operator command that was applied; 0: none. */
  lastCommand = 0;
  /** An operator's cancel was applied: what runs is not wanted any more. */
  cancelled = false;
  /** Events that have ended no wait: the numbers of the commands that told of them first. */
  readonly missed = new Set<number>();
  /** The last order of the parent that was obeyed (`obeys`). */
  lastOrder = 0;
  /** The last order of the parent to be undone (C-1209). */
  undo = 0;
  /** The last one; undefined: it was never suspended. */
  flowChange: FlowChange | undefined;

  private constructor(run: AnyRun) {
    this.run = run;
  }

  /** Undefined: the snapshot is of another version; fold the whole history instead. */
  static ofJournal(
    { snapshot, entries }: Pick<FlowJournal, 'snapshot' | 'entries'>,
    compiled: AnyCompiled,
  ): OwnedState | undefined {
    const state =
      snapshot === undefined
        ? OwnedState.#ofPost(entries, compiled)
        : OwnedState.#ofSnapshot(snapshot, compiled);
    for (const entry of entries) state?.apply(entry);
    return state;
  }

  static #ofPost([post]: readonly JournalEntry[], compiled: AnyCompiled): OwnedState {
    const { store, env, lineage } = post?.kind === 'post' ? post.post : { store: {} };
    const flowId = post?.flowId ?? '';
    return new OwnedState(
      newAnyRun(compiled, { flowId, store, ...(env && { env }), ...(lineage && { lineage }) }),
    );
  }

  static #ofSnapshot(
    { seq, state: text }: NonNullable<FlowJournal['snapshot']>,
    compiled: AnyCompiled,
  ): OwnedState | undefined {
    const stored = JSON.parse(text) as Snapshot;
    const run = restoreAny(compiled, stored.run);
    if (run === undefined) return undefined;
    const state = new OwnedState(run);
    state.table.restore(stored.requests, stored.created ?? []);
    for (const [id, dueAtMs] of stored.timers) state.timers.set(id, dueAtMs);
    for (const [id, delayMs] of stored.delays ?? []) state.#delays.set(id, delayMs);
    state.lastCommand = stored.lastCommand;
    state.lastOrder = stored.lastOrder ?? 0;
    state.undo = stored.undo ?? 0;
    if (run.flow === 'SUSPENDED') state.flowChange = { state: run.flow, seq };
    state.cancelled = stored.cancelled === true;
    for (const n of stored.missed ?? []) state.missed.add(n);
    state.seq = seq;
    state.snapshotSeq = seq;
    state.started = true;
    return state;
  }

  /** Folds an entry that was loaded. */
  apply(entry: JournalEntry): void {
    foldAny(this.run, entry.facts);
    this.table.apply(entry);
    this.#note(entry.facts, entry.atMs);
    this.flowChange = flowChangeIn(entry) ?? this.flowChange;
    this.seq = entry.seq;
    if (entry.kind === 'terminal') this.isOver = true;
    if (entry.kind === 'reopen') this.isOver = false;
    if (entry.facts.length > 0) this.started = true;
    if (entry.kind !== 'claim' || entry.facts.length > 0) this.idleClaims = 0;
    else if (entry.kind === 'claim') this.idleClaims++;
  }

  /** Facts of the owner's own turn: `step` has changed the run already. */
  applyOwn(facts: readonly Fact[], atMs: number): void {
    this.table.apply({ facts, atMs });
    this.#note(facts, atMs);
  }

  /** Whether a parent's order is new; one that a resumption has overtaken, or that a former owner of the parent repeats, is not. */
  obeys(command: 'suspend' | 'resume', order: number): boolean {
    const isNew = command === 'resume' ? order > this.lastOrder : order >= this.lastOrder;
    this.lastOrder = Math.max(this.lastOrder, order);
    return isNew;
  }

  /**
   * The clock of a former owner may go ahead by far (P-203): from now on no timer is waited for longer than it was set for, and not at all when the job
   * was woken for it.
   */
  boundTimers(nowMs: number, wokenFor?: string): void {
    for (const [id, delayMs] of this.#delays)
      this.timers.set(id, Math.min(this.timers.get(id) ?? 0, id === wokenFor ? nowMs : nowMs + delayMs));
  }

  /** JSON text for `Snapshots.write`; to be taken when everything in here is stored. Undefined: it is too large for one. */
  snapshot(): string | undefined {
    const { table, timers, lastCommand, lastOrder, undo, cancelled, missed } = this;
    const run = snapshotAny(this.run);
    if (run === undefined) return undefined;
    const stored: Snapshot = {
      run,
      requests: [...table.values()],
      created: [...table.created()],
      timers: [...timers],
      delays: [...this.#delays],
      lastCommand,
      ...(lastOrder > 0 && { lastOrder }),
      ...(undo > 0 && { undo }),
      ...(cancelled && { cancelled }),
      ...(missed.size > 0 && { missed: [...missed] }),
    };
    return JSON.stringify(stored);
  }

  #noteOrder({ command, order = 0 }: CommandFact): void {
    if (command === 'revert') this.undo = Math.max(this.undo, order);
    else this.lastOrder = Math.max(this.lastOrder, order);
  }

  #noteEvent({ n, first = n, refused }: CommandFact): void {
    if (refused === undefined) this.missed.delete(first);
    else if (first === n) this.missed.add(first);
  }

  #note(facts: readonly Fact[], atMs: number): void {
    for (const fact of facts) {
      if (fact.fact === 'command') {
        this.lastCommand = Math.max(this.lastCommand, fact.n);
        this.#noteOrder(fact);
        this.cancelled ||= fact.command === 'cancel';
        if (fact.command === 'event') this.#noteEvent(fact);
      }
      if (isReopened(fact)) this.cancelled = false;
      if (fact.fact !== 'timer') continue;
      const { id, state, delayMs = 0, dueAtMs = atMs + delayMs } = fact;
      if (state === 'set') {
        this.timers.set(id, dueAtMs);
        this.#delays.set(id, delayMs);
      } else {
        this.timers.delete(id);
        this.#delays.delete(id);
      }
    }
  }
}
