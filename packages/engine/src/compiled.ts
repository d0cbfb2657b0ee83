import type {
  DeciderDefinition,
  DeciderDepth,
  Extraction,
  FlowDefinition,
  FlowOptions,
  RetryDefinition,
  TaskDefinition,
} from '@baton/flow';
import type { JsonValue } from '@baton/core';
import type { BranchOrder } from './branch-order.js';
import type { RoundOrder } from './ready-set.js';

/** Index of a node in `Compiled.nodes`; equal definitions number their nodes equally on every host (E-309). */
export type NodeId = number;

/** A link of the execution graph that carries a decider. */
export interface DeciderEdge {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly decider: DeciderDefinition;
  readonly depth: DeciderDepth;
}

/** Where the inputs of one method come from: parameter → symbol. */
export interface Binding {
  readonly parameter: string;
  readonly symbol: string;
  readonly optional: boolean;
  /** Atoms that provide the symbol, by ascending `leaf`, seen or not by who asks. */
  readonly providers: readonly AtomNode[];
}

interface NodeCommon {
  readonly id: NodeId;
  /** Unique for atoms; `@`, `@.i.j` for a flow, with `$` at its end node. */
  readonly name: string;
  /** Direct neighbours in the execution graph. */
  readonly before: readonly NodeId[];
  readonly after: readonly NodeId[];
  /** The retry that decides about failures here. */
  readonly controller: NodeId | undefined;
  /** Position in the hierarchy read from left to right, a retry before the children of its flow (E-401). */
  readonly leaf: number;
  /** The flow this node stands in: its entry node; for an entry or end node, the flow around it. */
  readonly parent: NodeId | undefined;
  /** Index among the children of the parent; -1 for a retry. */
  readonly branch: number;
}

/** Entry or end of a flow: nothing to do, open as soon as everything before it is. */
export interface MarkerNode extends NodeCommon {
  readonly kind: 'flow' | 'flow_end';
  /** Name of the flow as written. */
  readonly flowName: string;
  /** Leaf of the first atom inside; that of the last is the `leaf` of the end node. */
  readonly firstLeaf: number;
  /** Of an entry node. */
  readonly flow?: FlowNode;
}

export interface FlowNode {
  readonly end: NodeId;
  readonly pattern: 'linear' | 'unordered' | 'graph';
  readonly depth: number;
  readonly retry: NodeId | undefined;
  /** First node of each child. */
  readonly children: readonly NodeId[];
  /** Graph: which child comes before which. */
  readonly order: BranchOrder | undefined;
}

interface AtomNodeCommon extends NodeCommon {
  /** Position in the definition as written: order of equal priorities (E-113). */
  readonly document: number;
  readonly priority: number;
  readonly execute: readonly Binding[];
  readonly revert: readonly Binding[];
  readonly inject: ReadonlyMap<string, JsonValue>;
  readonly provides: ReadonlyMap<string, Extraction>;
}

export interface TaskNode extends AtomNodeCommon {
  readonly kind: 'task';
  readonly task: TaskDefinition;
}

export interface RetryNode extends AtomNodeCommon {
  readonly kind: 'retry';
  readonly retry: RetryDefinition;
  /** The flow it controls. */
  readonly flow: NodeId;
}

export type AtomNode = TaskNode | RetryNode;
export type Node = AtomNode | MarkerNode;

/** Execution graph and hierarchy of one flow definition; holds no data of a run, never changes (engine.md section 3). */
export interface Compiled {
  readonly definition: FlowDefinition;
  readonly options: Required<FlowOptions>;
  readonly nodes: readonly Node[];
  /** Atom name → node, in document order. */
  readonly atoms: ReadonlyMap<string, AtomNode>;
  /** Index = `leaf`. */
  readonly byLeaf: readonly AtomNode[];
  readonly roundOrder: RoundOrder;
  /** Symbol → atoms that provide it, by ascending `leaf`. */
  readonly providers: ReadonlyMap<string, readonly AtomNode[]>;
  /** Every link with a decider, by target. */
  readonly deciders: ReadonlyMap<NodeId, readonly DeciderEdge[]>;
}

/** Whether the node is a task or a retry controller. */
export function isAtom(node: Node): node is AtomNode {
  return node.kind === 'task' || node.kind === 'retry';
}
