import type { NodeId } from './compiled.js';

const absent = -2;
const none = -1;

/**
 * A set of nodes of one flow, in order of insertion: a linked list in two arrays. A `Set` that gains and loses members all the time makes
 * tables without end, and each keeps the next alive, so that a long run filled the heap with them.
 */
export class NodeSet {
  // not `#`: states of runs are compared part by part
  private readonly after: Int32Array;
  private readonly before: Int32Array;
  private first = none;
  private last = none;
  private count = 0;

  /** For nodes 0 to `nodes` - 1. */
  constructor(nodes: number) {
    this.after = new Int32Array(nodes).fill(absent);
    this.before = new Int32Array(nodes).fill(absent);
  }

  get size(): number {
    return this.count;
  }

  has(id: NodeId): boolean {
    return this.after[id] !== absent;
  }

  add(id: NodeId): void {
    if (this.has(id)) return;
    this.after[id] = none;
    this.before[id] = this.last;
    if (this.last === none) this.first = id;
    else this.after[this.last] = id;
    this.last = id;
    this.count++;
  }

  delete(id: NodeId): void {
    const [before = none, after = none] = [this.before[id], this.after[id]];
    if (after === absent) return;
    if (before === none) this.first = after;
    else this.after[before] = after;
    if (after === none) this.last = before;
    else this.before[after] = before;
    this.after[id] = this.before[id] = absent;
    this.count--;
  }

  clear(): void {
    for (const id of this.members()) this.delete(id);
  }

  /** The member that came after `id`, which must be one; without `id` the first. */
  next(id?: NodeId): NodeId | undefined {
    const next = id === undefined ? this.first : (this.after[id] ?? none);
    return next === none ? undefined : next;
  }

  /** In order of insertion; a copy, so that the set may change meanwhile. */
  members(): NodeId[] {
    const members: NodeId[] = [];
    for (let id = this.next(); id !== undefined; id = this.next(id)) members.push(id);
    return members;
  }
}
