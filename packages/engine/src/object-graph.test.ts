import { describe, expect, it } from '@jest/globals';
import { type Foreign, type ObjectGraph, readGraph, writeGraph } from './object-graph.js';

const none: Foreign = { write: () => undefined, read: () => ({}) };

function roundTrip(root: object, foreign: Foreign): unknown {
  return readGraph(JSON.parse(JSON.stringify(writeGraph(root, foreign))) as ObjectGraph, foreign);
}

describe('an object graph as text', () => {
  it('is read as it was written: shared things shared, circles closed, keys in their order', () => {
    const shared = { data: [1, null, undefined, 'text', true] };
    const parent = { items: [] as object[], lookup: new Map<string, object>(), seen: new Set([shared]) };
    parent.items.push({ parent, shared }, { shared, parent });
    parent.lookup.set('b', shared).set('a', parent);
    const read = roundTrip(parent, none) as typeof parent;
    expect(read).toEqual(parent);
    const [first, second] = read.items as { parent: unknown; shared: unknown }[];
    expect([first?.parent, second?.parent, read.lookup.get('a')]).toEqual([read, read, read]);
    expect(second?.shared).toBe(first?.shared);
    expect([...read.seen][0]).toBe(first?.shared);
    expect([...read.lookup.keys(), ...Object.keys(second ?? {})]).toEqual(['b', 'a', 'shared', 'parent']);
  });

  it('takes data of users as they are: any key, as deep as it likes', () => {
    const data = JSON.parse('{"__proto__":{"x":1},"constructor":2,"":3}') as object;
    const read = roundTrip(data, none) as object;
    expect(JSON.stringify(read)).toBe(JSON.stringify(data));
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    let deep: readonly unknown[] = [];
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    expect((roundTrip(deep, none) as unknown[][])[0]?.[0]).toHaveLength(1);
  });

  it('has what is no plain data written by its owner, and refuses what is nobody’s', () => {
    const known = new Date(0);
    const foreign = {
      write: (value: object) => (value === known ? 7 : undefined),
      read: (written: number | null) => ({ written }),
    };
    expect(roundTrip([known], foreign)).toEqual([{ written: 7 }]);
    expect(() => writeGraph([new Date(0)], none)).toThrow('a Date is no plain data');
  });
});
