import { describe, expect, it } from '@jest/globals';
import { BoundedCache } from './bounded-cache.js';

describe('BoundedCache', () => {
  it('keeps what was used last within its bytes', () => {
    const cache = new BoundedCache<string>(10);
    cache.set('a', 'A', 4);
    cache.set('b', 'B', 4);
    expect(cache.get('a')).toBe('A');
    cache.set('c', 'C', 4);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['A', undefined, 'C']);
    expect(cache.sizeBytes).toBe(8);
    cache.set('a', 'A2', 6);
    expect([cache.get('a'), cache.sizeBytes]).toEqual(['A2', 10]);
    cache.set('d', 'D', 11);
    expect(cache.get('d')).toBeUndefined();
    expect(cache.sizeBytes).toBe(10);
  });
});
