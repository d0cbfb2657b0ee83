import { canonicalFlowJson, type FlowDefinition, type RoutedFlowDefinition } from '@baton/flow';
import {
  ConflictError,
  type Environment,
  type Fact,
  type Lineage,
  NotFoundError,
  type Value,
} from '@baton/core';

/** What a run is made of: everything an engine needs to begin it, or to go on with it elsewhere. */
export interface FlowDetail {
  readonly flowId: string;
  readonly definition: FlowDefinition | RoutedFlowDefinition;
  /** Symbols given with the flow. */
  readonly store: Readonly<Record<string, Value>>;
  readonly env?: Environment;
  /** Of a child run. */
  readonly lineage?: Lineage;
}

export interface StoredFlow {
  readonly detail: FlowDetail;
  /** Facts of each turn, in order: the journal of the run. */
  readonly turns: readonly (readonly Fact[])[];
}

/**
 * Where the engines of one process keep their runs: the journal of a cluster without its fences and claims. Inserts only; turn n of a
 * flow exists once, which is what keeps two engines from running the same flow.
 */
export interface LogBook {
  /** @throws ConflictError `BATON_CONFLICT_KEY_REUSED` when there is a flow of this id. */
  create(detail: FlowDetail): Promise<void>;
  /** `seq` from 0, without gaps. @throws ConflictError `BATON_CONFLICT_FENCED` when this turn was stored already. */
  append(flowId: string, seq: number, facts: readonly Fact[]): Promise<void>;
  load(flowId: string): Promise<StoredFlow | undefined>;
}

/** A log book in memory. It keeps text, so nothing in it changes behind its back, and what cannot be stored shows at once. */
export class MemoryLogBook implements LogBook {
  readonly #flows = new Map<string, { readonly detail: string; readonly turns: string[] }>();

  create(detail: FlowDetail): Promise<void> {
    if (this.#flows.has(detail.flowId)) return Promise.reject(reused(detail.flowId));
    this.#flows.set(detail.flowId, { detail: JSON.stringify(detail), turns: [] });
    return Promise.resolve();
  }

  append(flowId: string, seq: number, facts: readonly Fact[]): Promise<void> {
    const turns = this.#flows.get(flowId)?.turns;
    if (!turns) return Promise.reject(unknownFlow(flowId));
    if (turns.length !== seq)
      return Promise.reject(
        new ConflictError(
          'BATON_CONFLICT_FENCED',
          `turn ${seq} of ${flowId} does not follow turn ${turns.length - 1}: another engine runs this flow`,
        ),
      );
    turns.push(JSON.stringify(facts));
    return Promise.resolve();
  }

  load(flowId: string): Promise<StoredFlow | undefined> {
    const flow = this.#flows.get(flowId);
    return Promise.resolve(
      flow && {
        detail: JSON.parse(flow.detail) as FlowDetail,
        turns: flow.turns.map((facts) => JSON.parse(facts) as readonly Fact[]),
      },
    );
  }
}

/**
 * Stores a flow that is new; one that is there already must be the same.
 * @throws ConflictError `BATON_CONFLICT_KEY_REUSED` when the id belongs to a flow of another definition (E-1305).
 */
export async function ensureStored(logBook: LogBook, detail: FlowDetail): Promise<void> {
  const stored = await logBook.load(detail.flowId);
  if (!stored) return logBook.create(detail);
  if (canonicalFlowJson(stored.detail.definition) !== canonicalFlowJson(detail.definition))
    throw reused(detail.flowId);
}

/** @throws NotFoundError `BATON_NOT_FOUND_JOB` */
export async function loadStored(logBook: LogBook, flowId: string): Promise<StoredFlow> {
  const stored = await logBook.load(flowId);
  if (!stored) throw unknownFlow(flowId);
  return stored;
}

function reused(flowId: string): ConflictError {
  return new ConflictError('BATON_CONFLICT_KEY_REUSED', `there is another flow with the id ${flowId}`);
}

function unknownFlow(flowId: string): NotFoundError {
  return new NotFoundError('BATON_NOT_FOUND_JOB', `the log book has no flow ${flowId}`);
}
