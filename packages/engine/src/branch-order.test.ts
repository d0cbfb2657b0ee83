import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BranchOrder } from './branch-order.js';

/** Children are numbered in an order that is not the topological one. */
const graphs = fc
  .array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: 1, maxLength: 30 })
  .chain((sources) =>
    fc.tuple(
      fc.constant(sources),
      fc.shuffledSubarray(
        sources.map((_, index) => index),
        { minLength: sources.length },
      ),
    ),
  )
  .map(([sources, order]) => {
    const before: number[][] = order.map(() => []);
    order.forEach((child, place) => {
      const earlier = (sources[place] ?? []).flatMap((at) => (place === 0 ? [] : [order[at % place] ?? 0]));
      before[child] = [...new Set(earlier)].toSorted((a, b) => a - b);
    });
    return { before, order };
  });

describe('BranchOrder', () => {
  it('agrees with a walk through all links', () => {
    fc.assert(
      fc.property(graphs, ({ before, order }) => {
        const ordered = new BranchOrder(before, order);
        for (const later of order) {
          const ancestors = new Set(before[later]);
          for (const at of ancestors) for (const source of before[at] ?? []) ancestors.add(source);
          for (const earlier of order)
            if (earlier !== later)
              expect([earlier, later, ordered.precedes(earlier, later)]).toEqual([
                earlier,
                later,
                ancestors.has(earlier),
              ]);
        }
      }),
    );
  });

  it('looks along a chain of 100,000 from every place at an even cost', () => {
    const before = Array.from({ length: 100_000 }, (_, index) => (index === 0 ? [] : [index - 1]));
    const ordered = new BranchOrder(before, [...before.keys()]);
    const started = performance.now();
    let found = 0;
    for (let later = 1; later < before.length; later++) if (ordered.precedes(0, later)) found++;
    expect(found).toBe(99_999);
    // step by step it would be five billion
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
