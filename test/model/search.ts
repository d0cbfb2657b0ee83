/**
 * Purpose: looks at every state that can be reached, breadth first, so that the trace of a violation is the shortest; then, backwards, whether a good end
 *   can be reached from each (I08).
 * What is authoritative: 64 bits of hash stand for a state. Two states with the same hash would be taken for one: with ten million states the odds of one
 *   such pair are one in 400,000.
 * On failure: more states than `statesMax`: `isStopped`, and nothing is said.
 */
import { firstState, isGoodEnd, mustEnd, objectionTo, successors } from './protocol.js';
import type { State } from './state.js';
import { Rules, type Variant } from './variant.js';

export interface SearchResult {
  readonly states: number;
  readonly arcs: number;
  readonly depth: number;
  readonly goodEnds: number;
  readonly violation: string | undefined;
  /** Labels of the moves to it. */
  readonly trace: readonly string[];
  readonly isStopped: boolean;
}

export function search(variant: Variant): SearchResult {
  return new Search(variant).run();
}

class Search {
  readonly #variant: Variant;
  readonly #rules: Rules;
  readonly #seen = new SeenStates();
  /** By state: where it was reached from, and by what. */
  readonly #from = new Column();
  readonly #label = new Column();
  readonly #labels = new Map<string, number>();
  /** Arcs that are no faults. */
  readonly #sources = new Column();
  readonly #targets = new Column();
  readonly #good: number[] = [];
  readonly #mustEnd: number[] = [];
  #upcoming: { readonly state: State; readonly id: number }[] = [];
  #arcs = 0;
  #violation: { readonly text: string; readonly id: number } | undefined;

  constructor(variant: Variant) {
    this.#variant = variant;
    this.#rules = new Rules(variant);
  }

  run(): SearchResult {
    let depth = 0;
    let isStopped = false;
    this.#reach(firstState(this.#variant), -1, 'start');
    while (this.#upcoming.length > 0 && this.#violation === undefined && !isStopped) {
      const layer = this.#upcoming;
      this.#upcoming = [];
      depth++;
      for (const { state, id } of layer) {
        this.#expand(state, id);
        isStopped = this.#seen.size > this.#variant.statesMax;
        if (this.#violation !== undefined || isStopped) break;
      }
    }
    if (this.#violation === undefined && !isStopped) this.#lookBack();
    return {
      states: this.#seen.size,
      arcs: this.#arcs,
      depth,
      goodEnds: this.#good.length,
      violation: this.#violation?.text,
      trace: this.#trace(),
      isStopped,
    };
  }

  #expand(state: State, id: number): void {
    successors(this.#rules, state, (label, next, isFault) => {
      if (this.#violation !== undefined) return;
      this.#arcs++;
      const reached = this.#reach(next, id, label);
      if (isFault || reached === id) return;
      this.#sources.push(id);
      this.#targets.push(reached);
    });
  }

  #reach(state: State, from: number, label: string): number {
    const { id, isNew } = this.#seen.add(state);
    if (!isNew) return id;
    this.#from.push(from);
    const number = this.#labels.get(label) ?? this.#labels.size;
    this.#labels.set(label, number);
    this.#label.push(number);
    const text = objectionTo(this.#rules, state);
    if (text !== undefined) this.#violation ??= { text, id };
    if (isGoodEnd(state)) this.#good.push(id);
    else if (mustEnd(this.#rules, state)) this.#mustEnd.push(id);
    this.#upcoming.push({ state, id });
    return id;
  }

  /** From every state a good end can be reached without further faults. */
  #lookBack(): void {
    const first = new Int32Array(this.#seen.size).fill(-1);
    const next = new Int32Array(this.#sources.length);
    for (let arc = 0; arc < this.#sources.length; arc++) {
      const target = this.#targets.at(arc);
      next[arc] = first[target] ?? -1;
      first[target] = arc;
    }
    const canEnd = new Uint8Array(this.#seen.size);
    for (const id of this.#good) canEnd[id] = 1;
    const stack = [...this.#good];
    for (let target = stack.pop(); target !== undefined; target = stack.pop())
      for (let arc = first[target] ?? -1; arc >= 0; arc = next[arc] ?? -1) {
        const source = this.#sources.at(arc);
        if (canEnd[source] === 1) continue;
        canEnd[source] = 1;
        stack.push(source);
      }
    const dead = this.#mustEnd.find((id) => canEnd[id] !== 1);
    if (dead !== undefined) this.#violation = { text: 'I08: the job can no longer end', id: dead };
  }

  #trace(): readonly string[] {
    const names = [...this.#labels.keys()];
    const trace: string[] = [];
    for (let id = this.#violation?.id ?? -1; id >= 0; id = this.#from.at(id))
      trace.unshift(names[this.#label.at(id)] ?? '');
    return trace;
  }
}

const growth = 1 << 16;

/** A list of 32-bit numbers that grows. */
class Column {
  length = 0;
  #values = new Int32Array(growth);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? -1;
  }
}

/** Open addressing over two 32-bit hashes. */
class SeenStates {
  size = 0;
  #capacity = growth;
  #high = new Uint32Array(growth);
  #low = new Uint32Array(growth);
  #id = new Int32Array(growth).fill(-1);

  add(state: State): { readonly id: number; readonly isNew: boolean } {
    if (this.size * 2 > this.#capacity) this.#grow();
    hashInto(hash, state);
    const place = this.#placeOf(hash.high, hash.low);
    const known = this.#id[place] as number;
    if (known >= 0) return { id: known, isNew: false };
    this.#high[place] = hash.high;
    this.#low[place] = hash.low;
    this.#id[place] = this.size;
    return { id: this.size++, isNew: true };
  }

  #placeOf(high: number, low: number): number {
    let place = (high ^ (low >>> 7)) & (this.#capacity - 1);
    while ((this.#id[place] as number) >= 0 && (this.#high[place] !== high || this.#low[place] !== low))
      place = (place + 1) & (this.#capacity - 1);
    return place;
  }

  #grow(): void {
    const [high, low, id] = [this.#high, this.#low, this.#id];
    this.#capacity *= 2;
    this.#high = new Uint32Array(this.#capacity);
    this.#low = new Uint32Array(this.#capacity);
    this.#id = new Int32Array(this.#capacity).fill(-1);
    for (const [index, each] of id.entries()) {
      if (each < 0) continue;
      const place = this.#placeOf(high[index] as number, low[index] as number);
      this.#high[place] = high[index] as number;
      this.#low[place] = low[index] as number;
      this.#id[place] = each;
    }
  }
}

interface Hash {
  high: number;
  low: number;
}

const hash: Hash = { high: 0, low: 0 };

/** Of everything in it. Late writes are a set: in whatever order they were made, the state is the same. */
function hashInto(into: Hash, { late, ...rest }: State): void {
  into.high = 0xdeadbeef;
  into.low = 0x41c6ce57;
  mix(into, rest);
  let high = 0;
  let low = 0;
  const each: Hash = { high: 0, low: 0 };
  for (const write of late) {
    each.high = 0x9e3779b9;
    each.low = 0x85ebca6b;
    mix(each, write);
    finish(each);
    high = (high + each.high) | 0;
    low = (low + each.low) | 0;
  }
  mixNumber(into, high);
  mixNumber(into, low);
  finish(into);
}

function mix(into: Hash, value: unknown): void {
  if (typeof value === 'number') return mixNumber(into, value);
  if (typeof value === 'boolean') return mixNumber(into, value ? 0x2000001 : 0x2000002);
  if (value === undefined) return mixNumber(into, 0x2000003);
  if (typeof value === 'string') {
    mixNumber(into, 0x2000004 + value.length);
    for (let index = 0; index < value.length; index++) mixNumber(into, value.charCodeAt(index));
    return;
  }
  if (Array.isArray(value)) {
    mixNumber(into, 0x3000000 + value.length);
    for (const item of value) mix(into, item);
    return;
  }
  for (const name in value as object) mix(into, (value as Readonly<Record<string, unknown>>)[name]);
}

function mixNumber(into: Hash, value: number): void {
  into.high = Math.imul(into.high ^ value, 2_654_435_761);
  into.low = Math.imul(into.low ^ value, 1_597_334_677);
  into.high ^= into.high >>> 15;
  into.low ^= into.low >>> 13;
}

function finish(into: Hash): void {
  const { high, low } = into;
  const a = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  const b = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  into.high = a >>> 0;
  into.low = b >>> 0;
}
