/**
 * Plain data with its identities as a tree that JSON can hold, and back: what is shared is written once and shared again, cycles may be, and so may maps, sets and
 * `undefined`. Without recursion: data may be as deep as it likes. Keys of objects that are alike are written once.
 *
 * Each object is a list that begins with what it is, or with its shape. A reference is a list of the place of an object; `undefined` is an empty one.
 */
import { InvariantError } from '@baton/core';

/** What is no plain data: written by hand, and made again from that. */
export interface Foreign {
  /** Undefined: it is plain data. */
  readonly write: (value: object) => number | null | undefined;
  readonly read: (written: number | null) => object;
}

type Slot = string | number | boolean | null | readonly [] | readonly [place: number];
type Written = readonly [kind: 'array' | 'set' | 'map', ...Slot[]] | readonly [shape: number, ...Slot[]];

export interface ObjectGraph {
  /** Lists of keys. */
  readonly shapes: readonly (readonly string[])[];
  readonly objects: readonly (Written | readonly ['foreign', number | null])[];
}

/** O(size). */
export function writeGraph(root: object, foreign: Foreign): ObjectGraph {
  const places = new Map<object, number>([[root, 0]]);
  const found = [root];
  const shapes = new Map<string, { readonly index: number; readonly keys: readonly string[] }>();
  const slot = (value: unknown): Slot => {
    if (value === undefined) return [];
    if (typeof value !== 'object' || value === null) return value as Slot;
    let place = places.get(value);
    if (place === undefined) {
      place = found.push(value) - 1;
      places.set(value, place);
    }
    return [place];
  };
  const shapeOf = (keys: readonly string[]): number => {
    const name = JSON.stringify(keys);
    let shape = shapes.get(name);
    if (shape === undefined) {
      shape = { index: shapes.size, keys };
      shapes.set(name, shape);
    }
    return shape.index;
  };
  const objects: ObjectGraph['objects'][number][] = [];
  // it grows meanwhile
  for (const value of found) {
    const byHand = foreign.write(value);
    if (byHand !== undefined) objects.push(['foreign', byHand]);
    else if (Array.isArray(value)) objects.push(['array', ...value.map(slot)]);
    else if (value instanceof Set) objects.push(['set', ...Array.from(value, slot)]);
    else if (value instanceof Map) objects.push(['map', ...[...value].flat().map(slot)]);
    else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null)
        throw new InvariantError(
          'BATON_INVARIANT_UNREACHABLE',
          `a ${value.constructor.name} is no plain data`,
        );
      objects.push([shapeOf(Object.keys(value)), ...Object.values(value).map(slot)]);
    }
  }
  return { shapes: Array.from(shapes.values(), ({ keys }) => keys), objects };
}

/** Inverse of `writeGraph`, which made it. */
export function readGraph({ shapes, objects }: ObjectGraph, foreign: Foreign): unknown {
  const made = objects.map((written): object => {
    const [kind] = written;
    if (kind === 'foreign') return foreign.read(written[1]);
    if (kind === 'array') return [];
    if (kind === 'set') return new Set();
    return kind === 'map' ? new Map() : {};
  });
  const valueOf = (slot: Slot): unknown => (Array.isArray(slot) ? made[slot[0] ?? -1] : slot);
  objects.forEach((written, place) => {
    const [kind, ...slots] = written as Written;
    const value = made[place];
    if (Array.isArray(value) && kind === 'array') for (const slot of slots) value.push(valueOf(slot));
    else if (value instanceof Set) for (const slot of slots) value.add(valueOf(slot));
    else if (value instanceof Map && kind === 'map')
      for (let at = 0; at < slots.length; at += 2)
        value.set(valueOf(slots[at] as Slot), valueOf(slots[at + 1] as Slot));
    else if (typeof kind === 'number')
      shapes[kind]?.forEach((key, at) => {
        // not by assignment: data of users may have a key `__proto__`
        if (key === '__proto__')
          Object.defineProperty(value, key, { value: valueOf(slots[at] as Slot), ...ordinary });
        else (value as Record<string, unknown>)[key] = valueOf(slots[at] as Slot);
      });
  });
  return made[0];
}

const ordinary = { writable: true, enumerable: true, configurable: true };
