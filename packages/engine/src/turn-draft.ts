import {
  type AtomFact,
  type AtomState,
  type Fact,
  type FlowState,
  type Intention,
  InvariantError,
} from '@baton/core';
import { applyFact } from './apply-fact.js';
import type { AtomNode, NodeId } from './compiled.js';
import type { Command, Turn } from './protocol.js';
import type { AtomRun, RunState } from './run-state.js';

/** One turn while it is decided: each fact is applied as it is stated, so what is decided next sees it. */
export class TurnDraft implements Turn {
  readonly facts: Fact[] = [];
  readonly commands: Command[] = [];
  readonly state: RunState;

  constructor(state: RunState) {
    this.state = state;
  }

  fact(fact: Fact): void {
    applyFact(this.state, fact);
    this.facts.push(fact);
  }

  command(command: Command): void {
    this.commands.push(command);
  }

  flow(to: FlowState): void {
    this.fact({ fact: 'flow', from: this.state.flow, to });
  }

  atom(
    node: AtomNode,
    to: AtomState,
    more: Pick<AtomFact, 'round' | 'attempt' | 'value' | 'failure'> = {},
  ): void {
    this.fact({ fact: 'atom', atom: node.name, from: this.run(node.id).state, to, ...more });
  }

  intention(node: AtomNode, to: Intention): void {
    if (this.run(node.id).intention !== to) this.fact({ fact: 'intention', atom: node.name, to });
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

  run(id: NodeId): AtomRun {
    const run = this.state.runs[id];
    if (!run)
      throw new InvariantError(
        'BATON_INVARIANT_UNREACHABLE',
        `node ${id} of ${this.state.flowId} never runs`,
      );
    return run;
  }
}
