import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AtomNode } from './compiled.js';
import { ReadySet, roundOrderOf } from './ready-set.js';

const atoms = (priorities: readonly number[]): AtomNode[] =>
  priorities.map((priority, index) => ({ id: index * 2, priority, document: index }) as AtomNode);

describe('what is ready', () => {
  it('is given by priority, then as written', () => {
    const set = new ReadySet(roundOrderOf(atoms([0, 5, 0, -1, 5]), 9));
    for (const id of [8, 6, 4, 2, 0]) set.add(id);
    expect(set.members()).toEqual([2, 8, 0, 4, 6]);
  });

  it('holds what a sorted list would, whatever comes and goes, in flows of any size', () => {
    const change = (size: number) =>
      fc.record({ index: fc.nat(size - 1), what: fc.constantFrom('add', 'add', 'delete', 'clear') });
    const history = fc
      .oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 40_000 }))
      .chain((size) =>
        fc.record({ size: fc.constant(size), changes: fc.array(change(size), { maxLength: 40 }) }),
      );
    fc.assert(
      fc.property(history, ({ size, changes }) => {
        const set = new ReadySet(roundOrderOf(atoms(Array.from({ length: size }, () => 0)), size * 2));
        const model = new Set<number>();
        for (const { index, what } of changes) {
          for (const one of [set, model])
            if (what === 'clear') one.clear();
            else one[what as 'add' | 'delete'](index * 2);
          expect(set.members()).toEqual([...model].toSorted((a, b) => a - b));
          expect([set.size, set.has(index * 2)]).toEqual([model.size, model.has(index * 2)]);
        }
        expect(set.has(1)).toBe(false);
      }),
    );
  });

  it('of a flow without atoms is nothing', () => {
    expect(new ReadySet(roundOrderOf([], 2)).members()).toEqual([]);
  });
});
