/**
 * Purpose: the coordination tree as data: nodes, versions, transaction ids. Changes are transactions, all or nothing.
 * States: nodes by path, in memory. Persistent ones are kept on disk by `CoordinationService`, ephemerals nowhere.
 * Not here: sessions, watches, storage.
 */
import {
  BatonError,
  ConflictError,
  InputError,
  type NodeOperation,
  type NodeStat,
  NotFoundError,
} from '@baton/core';
import { checkNodePath, nameOf, parentOf } from './node-path.js';
import { reviveError } from './protocol.js';

export interface TreeNode extends NodeStat {
  readonly data: Uint8Array;
}

export interface TreeChange {
  readonly type: 'created' | 'changed' | 'deleted';
  readonly path: string;
  /** The node after the change; for `deleted` as it last was. */
  readonly node: TreeNode;
}

export interface Transaction {
  readonly zxid: bigint;
  readonly changes: readonly TreeChange[];
  /** Per operation; undefined for delete and check. */
  readonly stats: readonly (NodeStat | undefined)[];
}

/** Undoes one operation of a transaction whose later operation failed. */
type Undo = () => void;

export class NodeTree {
  readonly #nodes = new Map<string, TreeNode>();
  readonly #children = new Map<string, Set<string>>([['/', new Set()]]);
  readonly #nowMs: () => number;
  #zxid: bigint;

  /** Transaction ids given out are above `zxid`. */
  constructor(zxid: bigint, nowMs: () => number) {
    this.#zxid = zxid;
    this.#nowMs = nowMs;
    this.#nodes.set('/', {
      data: new Uint8Array(),
      czxid: 0n,
      mzxid: 0n,
      version: 0,
      ctimeMs: 0,
      mtimeMs: 0,
      ephemeralOwner: 0n,
    });
  }

  /** Puts a stored node back; parents first. */
  restore(path: string, node: TreeNode): void {
    this.#add(path, node);
  }

  find(path: string): TreeNode | undefined {
    return this.#nodes.get(checkNodePath(path));
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_NODE` */
  get(path: string): TreeNode {
    return this.find(path) ?? missing(path);
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_NODE` */
  children(path: string): string[] {
    this.get(path);
    return [...(this.#children.get(path) as Set<string>)];
  }

  /**
   * Applies all operations, or none. `owner` is the session that will own the ephemerals it creates.
   * @throws the error of the first operation that fails, with its `details.index`
   */
  transact(operations: readonly NodeOperation[], owner: bigint): Transaction {
    const zxid = this.#zxid + 1n;
    const changes: TreeChange[] = [];
    const stats: (NodeStat | undefined)[] = [];
    const undos: Undo[] = [];
    for (const [index, operation] of operations.entries()) {
      try {
        const change = this.#apply(operation, { zxid, owner, undos });
        if (change !== undefined) changes.push(change);
        stats.push(change === undefined || change.type === 'deleted' ? undefined : statOf(change.node));
      } catch (error) {
        for (const undo of undos.reverse()) undo();
        throw error instanceof BatonError ? withIndex(error, index) : error;
      }
    }
    this.#zxid = zxid;
    return { zxid, changes, stats };
  }

  #apply(operation: NodeOperation, context: ApplyContext): TreeChange | undefined {
    switch (operation.type) {
      case 'create':
        return this.#create(operation, context);
      case 'set':
        return this.#set(operation, context);
      case 'delete':
        return this.#delete(operation, context);
      case 'check':
        checkVersion(operation.path, this.get(operation.path), operation.version);
        return undefined;
    }
  }

  #create(
    { path, data, ephemeral }: Extract<NodeOperation, { type: 'create' }>,
    { zxid, owner, undos }: ApplyContext,
  ): TreeChange {
    if (this.find(path) !== undefined)
      throw new ConflictError('BATON_CONFLICT_NODE_EXISTS', `node ${path} exists already`, {
        details: { path },
      });
    const parent = this.get(parentOf(path));
    if (parent.ephemeralOwner !== 0n)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${path} cannot be created: an ephemeral node has no children`,
        { details: { path } },
      );
    const nowMs = this.#nowMs();
    const node: TreeNode = {
      data: new Uint8Array(data), // a copy: the bytes of a request are a view on a much larger buffer
      czxid: zxid,
      mzxid: zxid,
      version: 0,
      ctimeMs: nowMs,
      mtimeMs: nowMs,
      ephemeralOwner: ephemeral === true ? owner : 0n,
    };
    this.#add(path, node);
    undos.push(() => this.#remove(path));
    return { type: 'created', path, node };
  }

  #set(
    { path, data, version }: Extract<NodeOperation, { type: 'set' }>,
    { zxid, undos }: ApplyContext,
  ): TreeChange {
    const before = this.get(path);
    checkVersion(path, before, version);
    const node: TreeNode = {
      ...before,
      data: new Uint8Array(data),
      mzxid: zxid,
      version: before.version + 1,
      mtimeMs: this.#nowMs(),
    };
    this.#nodes.set(path, node);
    undos.push(() => this.#nodes.set(path, before));
    return { type: 'changed', path, node };
  }

  #delete(
    { path, version }: Extract<NodeOperation, { type: 'delete' }>,
    { undos }: ApplyContext,
  ): TreeChange {
    const node = this.get(path);
    checkVersion(path, node, version);
    if (path === '/') throw new InputError('BATON_INPUT_INVALID', 'the root cannot be deleted');
    if (this.#children.get(path)?.size !== 0)
      throw new ConflictError('BATON_CONFLICT_NOT_EMPTY', `node ${path} has children`, { details: { path } });
    this.#remove(path);
    undos.push(() => this.#add(path, node));
    return { type: 'deleted', path, node };
  }

  #add(path: string, node: TreeNode): void {
    this.#nodes.set(path, node);
    this.#children.set(path, new Set());
    this.#children.get(parentOf(path))?.add(nameOf(path));
  }

  #remove(path: string): void {
    this.#nodes.delete(path);
    this.#children.delete(path);
    this.#children.get(parentOf(path))?.delete(nameOf(path));
  }
}

interface ApplyContext {
  readonly zxid: bigint;
  readonly owner: bigint;
  readonly undos: Undo[];
}

/** Everything but the data. */
export function statOf({ data: _data, ...stat }: TreeNode): NodeStat {
  return stat;
}

function checkVersion(path: string, node: TreeNode, version: number | undefined): void {
  if (version === undefined || version === node.version) return;
  throw new ConflictError(
    'BATON_CONFLICT_BAD_VERSION',
    `node ${path} has version ${node.version}, not ${version}`,
    { details: { path } },
  );
}

function missing(path: string): never {
  throw new NotFoundError('BATON_NOT_FOUND_NODE', `node ${path} does not exist`, { details: { path } });
}

function withIndex({ code, message, details }: BatonError, index: number): Error {
  return reviveError({ code, message, details: { ...details, index } });
}
