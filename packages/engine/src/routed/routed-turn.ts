import type { ActivationFact, ActivationState, Fact, FlowState } from '@baton/core';
import type { Transition, Witness } from '../apply-fact.js';
import type { Command, Turn, Watch } from '../protocol.js';
import { ExpressionBudget } from '../expression-budget.js';
import { applyRoutedFact } from './apply-routed-fact.js';
import type { RoutedState, Unit, WaitingJoin } from './routed-state.js';

type More = Omit<ActivationFact, 'fact' | 'activation' | 'from' | 'to'>;

/** One turn of a routed run while it is decided: each fact is applied as it is stated. */
export class RoutedTurn implements Turn, Witness {
  readonly facts: Fact[] = [];
  readonly commands: Command[] = [];
  readonly state: RoutedState;
  readonly budget = new ExpressionBudget();
  /** Joins about which something became known in this turn, and how many of them have been judged. */
  readonly #undecided: WaitingJoin[] = [];
  #judged = 0;
  readonly #watch: Watch;

  constructor(state: RoutedState, watch: Watch = {}) {
    this.state = state;
    this.#watch = watch;
  }

  get isDear(): boolean {
    return this.budget.isUsedUp;
  }

  judge(join: WaitingJoin): void {
    this.#undecided.push(join);
  }

  nextUndecided(): WaitingJoin | undefined {
    const join = this.#undecided[this.#judged];
    if (join) this.#judged++;
    return join;
  }

  /** It is known how the run ends: what runs still is recorded, and changes nothing any more. */
  get isDecided(): boolean {
    const { flow, rollback } = this.state;
    return rollback !== undefined || (flow !== 'RUNNING' && flow !== 'SUSPENDING' && flow !== 'SUSPENDED');
  }

  fact(fact: Fact): void {
    this.facts.push(fact);
    applyRoutedFact(this.state, fact, this.#watch.changed && this);
  }

  changed(transition: Transition): void {
    const fact = this.facts.at(-1);
    if (fact && this.#watch.changed?.(transition, fact) === true) this.suspend();
  }

  command(command: Command): void {
    this.commands.push(command);
    this.#watch.command?.(command);
  }

  flow(
    to: FlowState,
    more: Pick<Extract<Fact, { fact: 'flow' }>, 'message' | 'output' | 'isStopped'> = {},
  ): void {
    this.fact({ fact: 'flow', from: this.state.flow, to, ...more });
  }

  activation({ id, state }: Unit, to: ActivationState, more: More = {}): void {
    this.fact({ fact: 'activation', activation: id, from: state, to, ...more });
  }

  cancelTimer(id: string): void {
    this.fact({ fact: 'timer', id, state: 'cancelled' });
    this.command({ type: 'cancelTimer', id });
  }

  /** What is outstanding goes on as if nothing had been said. */
  stopSuspending(): void {
    if (this.state.flow !== 'SUSPENDING') return;
    this.flow('RESUMING');
    this.flow('SUSPENDED');
  }

  /** What a worker does for a unit is of no use any more. */
  abort({ id: atom, requestId, openId }: Unit): void {
    const { delegates, due } = this.state;
    const unwanted = delegates.has(atom) ? openId : requestId;
    if (unwanted !== undefined && !due.has(atom)) this.command({ type: 'abort', atom, requestId: unwanted });
  }

  suspend(): boolean {
    if (this.state.flow !== 'RUNNING') return false;
    this.flow('SUSPENDING');
    return true;
  }
}
