import {
  type AtomFact,
  type AtomState,
  type Fact,
  type FlowFact,
  type FlowState,
  type Intention,
  InvariantError,
} from '@baton/core';
import { applyFact, type Transition, type Witness } from './apply-fact.js';
import type { AtomNode, NodeId, RetryNode } from './compiled.js';
import { ExpressionBudget } from './expression-budget.js';
import type { Command, MachineState, Turn, Watch } from './protocol.js';
import { type AtomRun, type RetryRun, retryRunOf, type RunState, runOf } from './run-state.js';

const nothing: ReadonlySet<NodeId> = new Set<NodeId>();

type AtomFactMore = Pick<AtomFact, 'round' | 'attempt' | 'value' | 'failure' | 'note'>;
const nothingMore: AtomFactMore = {};

/** One turn while it is decided: each fact is applied as it is stated, so what is decided next sees it. */
export class TurnDraft implements Turn, Witness {
  readonly facts: Fact[] = [];
  readonly commands: Command[] = [];
  readonly state: RunState;
  /** An intention changed since it was looked whether anybody waits for what is not wanted any more. */
  intentionsChanged = false;
  /** The run begins with this turn. */
  begins = false;
  /** What a run that begins has to ask for again, together with its first round. */
  readonly reissued: NodeId[] = [];
  /** What was ready before this turn: while suspending, its deciders were asked already. */
  readonly readyBefore: ReadonlySet<NodeId>;
  /** What its expressions may still cost. */
  readonly expressions = new ExpressionBudget();
  readonly #watch: Watch;
  /** The watch wants the flow to be suspended. */
  #stop = false;

  constructor(state: RunState, watch: Watch = {}) {
    this.state = state;
    this.#watch = watch;
    this.readyBefore = state.flow === 'SUSPENDING' ? new Set(state.readiness.ready.members()) : nothing;
  }

  /** `node`: see `applyFact`. */
  fact(fact: Fact, node?: AtomNode): void {
    this.facts.push(fact);
    this.intentionsChanged ||= fact.fact === 'intention' || fact.fact === 'scope';
    applyFact(this.state, fact, this.#watch.changed && this, node);
    if (!this.#stop) return;
    this.#stop = false;
    this.suspend();
  }

  changed(transition: Transition): void {
    const fact = this.facts.at(-1);
    if (fact && this.#watch.changed?.(transition, fact) === true) this.#stop = true;
  }

  command(command: Command): void {
    this.commands.push(command);
    this.#watch.command?.(command);
  }

  get isDear(): boolean {
    return this.expressions.isUsedUp;
  }

  /** Gives the watch its say. */
  entering(state: MachineState): void {
    if (this.#watch.entering?.(state) === true) this.suspend();
  }

  /** E-1001; in any state but RUNNING there is nothing to suspend. */
  suspend(): boolean {
    if (this.state.flow !== 'RUNNING') return false;
    this.flow('SUSPENDING');
    return true;
  }

  flow(to: FlowState, more: Pick<FlowFact, 'message' | 'isStopped'> = {}): void {
    this.fact({ fact: 'flow', from: this.state.flow, to, ...more });
  }

  atom(node: AtomNode, to: AtomState, more: AtomFactMore = nothingMore): void {
    const { name: atom } = node;
    const { state: from } = this.run(node.id);
    const { round, attempt, value, failure, note } = more;
    const isBare = failure === undefined && note === undefined;
    // there are two for each atom: whole literals, since V8 may have no hidden class left for one to which a field is added (`openRecord`)
    if (isBare && round !== undefined && attempt !== undefined && value === undefined)
      return this.fact({ fact: 'atom', atom, from, to, round, attempt }, node);
    if (isBare && round === undefined && value !== undefined)
      return this.fact({ fact: 'atom', atom, from, to, value }, node);
    this.fact({ fact: 'atom', atom, from, to, ...more }, node);
  }

  intention(node: AtomNode, to: Intention): void {
    if (this.run(node.id).intention !== to) this.fact({ fact: 'intention', atom: node.name, to }, node);
  }

  node(id: NodeId): AtomNode {
    const node = this.state.compiled.nodes[id];
    if (node?.kind !== 'task' && node?.kind !== 'retry')
      throw new InvariantError(
        'BATON_INVARIANT_UNREACHABLE',
        `node ${id} of ${this.state.flowId} is no atom`,
      );
    return node;
  }

  run(id: NodeId): Readonly<AtomRun> {
    return runOf(this.state, id);
  }

  retry(node: RetryNode): RetryRun {
    return retryRunOf(this.state, node);
  }
}
