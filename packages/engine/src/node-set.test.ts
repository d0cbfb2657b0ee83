import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NodeSet } from './node-set.js';

describe('a set of nodes', () => {
  it('holds what a Set would, in the same order, whatever comes and goes', () => {
    const change = fc.record({ id: fc.nat(5), what: fc.constantFrom('add', 'delete', 'clear') });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const set = new NodeSet(6);
        const model = new Set<number>();
        for (const { id, what } of changes) {
          for (const one of [set, model])
            if (what === 'clear') one.clear();
            else one[what as 'add' | 'delete'](id);
          expect(set.members()).toEqual([...model]);
          expect([set.size, set.has(id)]).toEqual([model.size, model.has(id)]);
        }
      }),
    );
  });
});
