import { describe, expect, it } from '@jest/globals';
import { compareFences, formatFence, noFence, parseFence } from './fence.js';

describe('fence', () => {
  const fences = [
    noFence,
    { generation: 0, zxid: 9n },
    { generation: 0, zxid: 0x7fffffffffffffffn },
    { generation: 1, zxid: 1n },
  ];

  it('orders by generation, then by transaction, and its text in the same way', () => {
    for (const [i, a] of fences.entries())
      for (const [j, b] of fences.entries()) {
        expect(Math.sign(compareFences(a, b))).toBe(Math.sign(i - j));
        expect(formatFence(a) < formatFence(b)).toBe(i < j);
      }
  });

  it('reads back what it wrote and refuses anything else', () => {
    for (const fence of fences) expect(parseFence(formatFence(fence))).toEqual(fence);
    for (const text of ['', '1:2', '0000000g:0000000000000000', `${formatFence(noFence)} `])
      expect(parseFence(text)).toBeUndefined();
  });
});
