import { describe, expect, it } from '@jest/globals';
import { Faults } from './faults.js';

describe('Faults', () => {
  it('strikes the next operation once, in the order planned', () => {
    const faults = new Faults<'read' | 'write', 'drop' | 'refuse'>();
    faults.next('drop');
    faults.next('refuse', { operation: 'write', delayMs: 5 });
    expect(faults.pending).toBe(2);
    expect(faults.take('read')?.kind).toBe('drop');
    expect(faults.take('read')).toBeUndefined();
    expect(faults.take('write')).toEqual({ kind: 'refuse', operation: 'write', delayMs: 5 });
    expect(faults.take('write')).toBeUndefined();
    expect(faults.pending).toBe(0);
  });

  it('lets as many matching operations pass as asked', () => {
    const faults = new Faults<'read' | 'write', 'drop'>();
    faults.next('drop', { operation: 'write', skip: 2 });
    expect([faults.take('write'), faults.take('read'), faults.take('write')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(faults.take('write')?.kind).toBe('drop');
  });

  it('forgets everything when cleared', () => {
    const faults = new Faults<'read', 'drop'>();
    faults.slowMs = 5;
    faults.next('drop');
    faults.clear();
    expect([faults.pending, faults.slowMs, faults.take('read')]).toEqual([0, 0, undefined]);
  });
});
