/**
 * Purpose: the state of the simulated coordination service: nodes, versions, transactions. Pure: no time, no sessions' fates.
 * States: none of its own; `transact` either applies everything or leaves no trace but a used transaction id.
 * What is authoritative: `#nodes`. Transaction ids start far above 2^53 and leave gaps, so that nobody can take one for a
 *   JavaScript number or for a counter.
 * On failure: `TreeRefusal`, with the index of the operation that failed.
 * Not here: watches (it only tells what changed), sizes and path syntax (checked before sending).
 */
import type { ConflictCode, InputCode, NodeOperation, NodeStat, NotFoundCode } from '@baton/core';
import type { WatchKind } from './requests.js';

export interface TreeNode {
  readonly data: Uint8Array;
  readonly stat: NodeStat;
  readonly children: ReadonlySet<string>;
}

/** A change as watchers see it: `data` and existence of the node itself, or its set of `children`. */
export interface TreeChange {
  readonly kind: WatchKind;
  readonly path: string;
  readonly zxid: bigint;
}

/** Decided by the service: nothing changed. */
export class TreeRefusal extends Error {
  constructor(
    readonly code: ConflictCode | NotFoundCode | InputCode,
    readonly path: string,
    readonly index: number,
  ) {
    super(code);
  }
}

export interface Transaction {
  readonly zxid: bigint;
  /** Stats of what was set, by index of the operation. */
  readonly stats: ReadonlyMap<number, NodeStat>;
  readonly changes: readonly TreeChange[];
}

interface MutableNode {
  data: Uint8Array;
  stat: NodeStat;
  readonly children: Set<string>;
}

interface Work {
  readonly zxid: bigint;
  readonly nowMs: number;
  readonly owner: bigint;
  readonly undo: (() => void)[];
  readonly changes: TreeChange[];
  readonly stats: Map<number, NodeStat>;
}

export class NodeTree {
  readonly #nodes = new Map<string, MutableNode>();
  readonly #random: { fraction(): number };
  #zxid = 0x3000_0000_0000_0001n;

  /** `like`: begins as a copy of that tree. */
  constructor(random: { fraction(): number }, like?: NodeTree) {
    this.#random = random;
    if (like === undefined) {
      this.#nodes.set('/', { data: new Uint8Array(), stat: newStat(0n, 0, 0n), children: new Set() });
      return;
    }
    this.#zxid = like.#zxid;
    for (const [path, node] of like.#nodes)
      this.#nodes.set(path, { ...node, children: new Set(node.children) });
  }

  get zxid(): bigint {
    return this.#zxid;
  }

  node(path: string): TreeNode | undefined {
    return this.#nodes.get(path);
  }

  /** A copy that does not change any more: what a lagging follower still shows. */
  snapshot(): ReadonlyMap<string, TreeNode> {
    return new Map(
      [...this.#nodes].map(([path, node]) => [path, { ...node, children: new Set(node.children) }]),
    );
  }

  /** All or nothing, in order; each operation sees what those before it did. @throws TreeRefusal */
  transact(
    operations: readonly NodeOperation[],
    context: { readonly owner: bigint; readonly nowMs: number },
  ): Transaction {
    const work: Work = { ...context, zxid: this.#nextZxid(), undo: [], changes: [], stats: new Map() };
    try {
      operations.forEach((operation, index) => this.#apply(operation, index, work));
    } catch (error) {
      for (const undo of work.undo.reverse()) undo();
      throw error;
    }
    return work;
  }

  /** A session's ephemerals. */
  ownedBy(owner: bigint): readonly string[] {
    const owned: string[] = [];
    for (const [path, node] of this.#nodes) if (node.stat.ephemeralOwner === owner) owned.push(path);
    return owned;
  }

  #apply(operation: NodeOperation, index: number, work: Work): void {
    switch (operation.type) {
      case 'create':
        return this.#create(operation, index, work);
      case 'set':
        return this.#set(operation, index, work);
      case 'delete':
        return this.#delete(operation, index, work);
      case 'check':
        this.#existing(operation.path, operation.version, index);
    }
  }

  #create(operation: NodeOperation & { type: 'create' }, index: number, work: Work): void {
    const { path } = operation;
    const parent = this.#nodes.get(parentOf(path));
    if (this.#nodes.has(path)) throw new TreeRefusal('BATON_CONFLICT_NODE_EXISTS', path, index);
    if (parent === undefined) throw new TreeRefusal('BATON_NOT_FOUND_NODE', parentOf(path), index);
    if (parent.stat.ephemeralOwner !== 0n) throw new TreeRefusal('BATON_INPUT_INVALID', path, index);
    const name = nameOf(path);
    const stat = newStat(work.zxid, work.nowMs, operation.ephemeral === true ? work.owner : 0n);
    this.#nodes.set(path, { data: operation.data.slice(), stat, children: new Set() });
    parent.children.add(name);
    work.undo.push(() => {
      this.#nodes.delete(path);
      parent.children.delete(name);
    });
    this.#tellExistence(path, work);
  }

  #set(operation: NodeOperation & { type: 'set' }, index: number, work: Work): void {
    const node = this.#existing(operation.path, operation.version, index);
    const { data, stat } = node;
    node.data = operation.data.slice();
    node.stat = { ...stat, mzxid: work.zxid, version: stat.version + 1, mtimeMs: work.nowMs };
    work.stats.set(index, node.stat);
    work.undo.push(() => Object.assign(node, { data, stat }));
    work.changes.push({ kind: 'data', path: operation.path, zxid: work.zxid });
  }

  #delete(operation: NodeOperation & { type: 'delete' }, index: number, work: Work): void {
    const { path } = operation;
    const node = this.#existing(path, operation.version, index);
    if (node.children.size > 0) throw new TreeRefusal('BATON_CONFLICT_NOT_EMPTY', path, index);
    const siblings = this.#nodes.get(parentOf(path))?.children;
    this.#nodes.delete(path);
    siblings?.delete(nameOf(path));
    work.undo.push(() => {
      this.#nodes.set(path, node);
      siblings?.add(nameOf(path));
    });
    this.#tellExistence(path, work);
    work.changes.push({ kind: 'children', path, zxid: work.zxid });
  }

  #tellExistence(path: string, { zxid, changes }: Work): void {
    changes.push({ kind: 'data', path, zxid }, { kind: 'children', path: parentOf(path), zxid });
  }

  #existing(path: string, version: number | undefined, index: number): MutableNode {
    const node = this.#nodes.get(path);
    if (node === undefined) throw new TreeRefusal('BATON_NOT_FOUND_NODE', path, index);
    if (version !== undefined && version !== node.stat.version)
      throw new TreeRefusal('BATON_CONFLICT_BAD_VERSION', path, index);
    return node;
  }

  #nextZxid(): bigint {
    this.#zxid += 1n + BigInt(Math.floor(this.#random.fraction() * 3));
    return this.#zxid;
  }
}

function newStat(zxid: bigint, nowMs: number, ephemeralOwner: bigint): NodeStat {
  return { czxid: zxid, mzxid: zxid, version: 0, ctimeMs: nowMs, mtimeMs: nowMs, ephemeralOwner };
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
