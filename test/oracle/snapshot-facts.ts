/** The persisted details of TaskFlow (FORMAT 4.3) as the facts that lead to them: what a journal of Baton's own would hold. */
import type { AtomState, Fact, Failure, FlowState, Intention, JsonValue, Value } from '@baton/core';
import type { Compiled } from '@baton/engine';
import type { Phase } from './scenario.js';
import { scripted } from './world.js';

type Outcome = Readonly<Record<string, JsonValue>>;

export function snapshotFacts(compiled: Compiled, { atoms, flow }: Pick<Phase, 'atoms' | 'flow'>): Fact[] {
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
    const history = (this.#outcome['history'] ?? []) as readonly (readonly [
      JsonValue,
      Readonly<Record<string, JsonValue>>,
    ])[];
    for (const [index, [value, failures]] of history.entries()) {
      if (index > 0) this.#to('RETRYING');
      this.#to('RUNNING');
      this.#to('SUCCESS', value === null ? {} : { value: { data: value } });
      for (const [atom, failure] of Object.entries(failures))
        this.#facts.push({ fact: 'history', retry: this.#name, atom, failure: failureOf(failure) });
    }
    if (history.length > 0 && (to === 'RUNNING' || this.#outcome['failure'] !== undefined))
      this.#to('RETRYING');
  }

  #finish(to: AtomState): void {
    if (to === this.#state) return;
    if (to === 'PENDING') return;
    if (to === 'IGNORE' || to === 'RETRYING') return this.#to(to);
    if (this.#state !== 'SUCCESS') this.#to('RUNNING');
    if (to === 'RUNNING') return;
    if (this.#state === 'RUNNING') this.#ended(to);
    if (to === 'SUCCESS' || to === 'FAILURE') return;
    this.#to('REVERTING');
    if (to === 'REVERTED') this.#to(to, this.#value('revertResult'));
    if (to === 'REVERT_FAILURE') this.#to(to, this.#failure('revertFailure', 'revert'));
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
