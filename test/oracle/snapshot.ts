/** The persisted details of TaskFlow (FORMAT 4.3) as the facts that lead to them: what a journal of Baton's own would hold. */
import type { AtomState, Fact, Failure, FlowState, Intention, JsonValue, Value } from '@baton/core';
import { DefinitionError } from '@baton/core';
import { fold, type Compiled, type HistoryEntry, type RunState } from '@baton/engine';
import type { Phase } from './scenario.js';
import { scripted } from './world.js';

type Outcome = Readonly<Record<string, JsonValue>>;

export class Snapshot {
  readonly #facts: readonly Fact[];
  readonly #histories = new Map<string, readonly HistoryEntry[]>();

  /** @throws DefinitionError when a detail belongs to an atom of another kind (E-1333). */
  constructor(compiled: Compiled, details: Pick<Phase, 'atoms' | 'flow'>) {
    for (const { name, kind } of compiled.atoms.values()) {
      const history = details.atoms[name]?.['history'] as StoredHistory | undefined;
      if (history) this.#histories.set(name, history.map(entryOf));
      if (details.atoms[name] && (history !== undefined) !== (kind === 'retry'))
        throw new DefinitionError(
          'BATON_DEFINITION_DUPLICATE_ATOM',
          `${name} was no ${kind} when it was stored`,
        );
    }
    this.#facts = snapshotFacts(compiled, details);
  }

  restore(state: RunState): void {
    fold(state, this.#facts);
    // TaskFlow writes in between what is one fact of Baton's: no facts lead to a controller that is undone and has its history
    for (const [name, history] of this.#histories) {
      const retry = state.runs[state.compiled.atoms.get(name)?.id ?? -1]?.retry;
      if (retry)
        retry.history = history.map(({ value, failures }) => ({ value, failures: new Map(failures) }));
    }
  }
}

type StoredHistory = readonly (readonly [JsonValue, Readonly<Record<string, JsonValue>>])[];

function entryOf([value, failures]: StoredHistory[number]): HistoryEntry {
  return {
    value: value === null ? undefined : { data: value },
    failures: new Map(Object.entries(failures).map(([atom, failure]) => [atom, failureOf(failure)])),
  };
}

function snapshotFacts(compiled: Compiled, { atoms, flow }: Pick<Phase, 'atoms' | 'flow'>): Fact[] {
  const facts: Fact[] = [];
  for (const { name, kind } of compiled.atoms.values()) {
    const outcome = atoms[name];
    if (!outcome) continue;
    new AtomPath(name, outcome, facts).lead(kind);
    const intention = outcome['intention'] as Intention;
    if (intention !== 'EXECUTE') facts.push({ fact: 'intention', atom: name, to: intention });
  }
  let from: FlowState = 'PENDING';
  for (const to of flowPaths[flow as FlowState] ?? []) {
    facts.push({ fact: 'flow', from, to });
    from = to;
  }
  return facts;
}

const flowPaths: Readonly<Partial<Record<FlowState, readonly FlowState[]>>> = {
  RUNNING: ['RUNNING'],
  SUCCESS: ['RUNNING', 'SUCCESS'],
  FAILURE: ['RUNNING', 'FAILURE'],
  REVERTED: ['RUNNING', 'REVERTED'],
  SUSPENDING: ['RUNNING', 'SUSPENDING'],
  SUSPENDED: ['RUNNING', 'RESUMING', 'SUSPENDED'],
  RESUMING: ['RUNNING', 'RESUMING'],
};

class AtomPath {
  readonly #name: string;
  readonly #outcome: Outcome;
  readonly #facts: Fact[];
  #state: AtomState = 'PENDING';

  constructor(name: string, outcome: Outcome, facts: Fact[]) {
    this.#name = name;
    this.#outcome = outcome;
    this.#facts = facts;
  }

  lead(kind: 'task' | 'retry'): void {
    const to = this.#outcome['state'] as AtomState;
    if (kind === 'retry') this.#rounds(to);
    else if (
      (this.#outcome['result'] ?? this.#outcome['revertResult']) !== undefined &&
      ['PENDING', 'RUNNING', 'IGNORE'].includes(to)
    )
      this.#earlierRound();
    this.#finish(to);
  }

  /** A result of an earlier round is kept until the next one overwrites it. */
  #earlierRound(): void {
    this.#executed();
    this.#to('REVERTING');
    this.#to('REVERTED', this.#value('revertResult'));
    this.#to('PENDING');
  }

  #rounds(to: AtomState): void {
    const history = (this.#outcome['history'] ?? []) as StoredHistory;
    for (const index of history.keys()) {
      if (index > 0) this.#to('RETRYING');
      this.#to('RUNNING');
      this.#to('SUCCESS');
    }
    if (history.length > 0 && (to === 'RUNNING' || this.#outcome['failure'] !== undefined))
      this.#to('RETRYING');
  }

  #finish(to: AtomState): void {
    if (to === this.#state) return;
    if (to === 'PENDING') return this.#undone();
    if (to === 'IGNORE' && this.#state !== 'PENDING') this.#undone();
    if (to === 'IGNORE' || to === 'RETRYING') return this.#to(to);
    if (this.#state !== 'SUCCESS') this.#to('RUNNING');
    if (to === 'RUNNING') return;
    if (this.#state === 'RUNNING') this.#ended(to);
    if (to === 'SUCCESS' || to === 'FAILURE') return;
    this.#to('REVERTING');
    if (to === 'REVERTED') this.#to(to, this.#value('revertResult'));
    if (to === 'REVERT_FAILURE') this.#to(to, this.#failure('revertFailure', 'revert'));
  }

  /** A controller that ran and was reset since. */
  #undone(): void {
    this.#to('REVERTING');
    this.#to('REVERTED');
    this.#to('PENDING');
  }

  #executed(): void {
    this.#to('RUNNING');
    this.#to('SUCCESS', this.#value('result'));
  }

  #ended(to: AtomState): void {
    const failed = to === 'FAILURE' || (to !== 'SUCCESS' && this.#outcome['failure'] !== undefined);
    if (failed) this.#to('FAILURE', this.#failure('failure', 'execute'));
    else this.#to('SUCCESS', this.#value('result'));
  }

  #value(key: string): { readonly value?: Value } {
    const data = this.#outcome[key];
    return data === undefined || data === null ? {} : { value: { data } };
  }

  #failure(key: string, phase: 'execute' | 'revert'): { readonly failure: Failure } {
    return { failure: { ...failureOf(this.#outcome[key] ?? null), phase, atom: this.#name } };
  }

  #to(to: AtomState, more: { readonly value?: Value; readonly failure?: Failure } = {}): void {
    this.#facts.push({ fact: 'atom', atom: this.#name, from: this.#state, to, ...more });
    this.#state = to;
  }
}

function failureOf(json: JsonValue): Failure {
  const { $failure, message } = json as { readonly $failure: string; readonly message: string | null };
  if (message !== null) return scripted($failure, message);
  return { version: 1, message: $failure, types: [$failure, 'Error'], retryable: true };
}
