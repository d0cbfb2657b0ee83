import type { AtomNode, NodeId } from './compiled.js';

/** Atoms in the order of a round: by priority, then as written (E-113, E-1422). */
export interface RoundOrder {
  readonly atoms: Int32Array;
  /** Of each node its index in `atoms`; -1 for entries and ends of flows. */
  readonly places: Int32Array;
}

/** `atoms` in document order. */
export function roundOrderOf(atoms: readonly AtomNode[], nodes: number): RoundOrder {
  const isPlain = atoms.every(({ priority }) => priority === 0);
  const inOrder = isPlain ? atoms : atoms.toSorted((a, b) => b.priority - a.priority);
  const places = new Int32Array(nodes).fill(-1);
  inOrder.forEach(({ id }, place) => (places[id] = place));
  return { atoms: Int32Array.from(inOrder, ({ id }) => id), places };
}

/**
 * A set of atoms of one flow that gives them in the order of a round, so that a round costs what it starts, however many are ready. One bit for each atom;
 * above them levels that tell which words have any.
 */
export class ReadySet {
  // not `#`: states of runs are compared part by part
  private readonly order: RoundOrder;
  /** Bits of the places; each next level has a bit for a word of the one before; the last is one word. */
  private readonly levels: readonly Int32Array[];
  private count = 0;

  constructor(order: RoundOrder) {
    this.order = order;
    const levels: Int32Array[] = [];
    let size = order.atoms.length;
    do levels.push(new Int32Array((size = (size + 31) >>> 5)));
    while (size > 1);
    this.levels = levels;
  }

  get size(): number {
    return this.count;
  }

  has(id: NodeId): boolean {
    const place = this.order.places[id] ?? -1;
    return place >= 0 && (((this.levels[0]?.[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 1;
  }

  /** `id`: an atom. */
  add(id: NodeId): void {
    if (this.has(id)) return;
    this.count++;
    let place = this.order.places[id] ?? -1;
    for (const words of this.levels) {
      const word = place >>> 5;
      const before = words[word] ?? 0;
      words[word] = before | (1 << (place & 31));
      if (before !== 0) return;
      place = word;
    }
  }

  delete(id: NodeId): void {
    if (!this.has(id)) return;
    this.count--;
    let place = this.order.places[id] ?? -1;
    for (const words of this.levels) {
      const word = place >>> 5;
      const left = (words[word] ?? 0) & ~(1 << (place & 31));
      words[word] = left;
      if (left !== 0) return;
      place = word;
    }
  }

  clear(): void {
    for (const words of this.levels) words.fill(0);
    this.count = 0;
  }

  /** The first member after the place of `id`, member or not; without `id` the first of all. */
  next(id?: NodeId): NodeId | undefined {
    let place = id === undefined ? 0 : (this.order.places[id] ?? -1) + 1;
    for (let level = 0; level < this.levels.length; level++) {
      const word = place >>> 5;
      const rest = (this.levels[level]?.[word] ?? 0) & (-1 << (place & 31));
      if (rest !== 0) return this.order.atoms[this.lowest(level, word * 32 + lowestBit(rest))];
      place = word + 1;
    }
    return undefined;
  }

  /** In the order of a round; a copy, so that the set may change meanwhile. */
  members(): NodeId[] {
    const members: NodeId[] = [];
    for (let id = this.next(); id !== undefined; id = this.next(id)) members.push(id);
    return members;
  }

  /** The lowest place below a bit of a level. */
  private lowest(level: number, bit: number): number {
    let place = bit;
    for (let below = level - 1; below >= 0; below--)
      place = place * 32 + lowestBit(this.levels[below]?.[place] ?? 0);
    return place;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
