import { describe, expect, it } from '@jest/globals';
import {
  atomNameOf,
  checkId,
  flowIdOf,
  hash32,
  idempotencyKeyOf,
  rendezvousFirst,
  rendezvousRank,
  requestIdOf,
} from './ids.js';

describe('ids', () => {
  it('of requests are the same for every sending, and tell flow and idempotency key', () => {
    const parts = { flowId: 'order-42', atom: 'vm.boot', action: 'execute', round: 2, attempt: 3 } as const;
    const id = requestIdOf(parts);
    expect(id).toBe('order-42/vm.boot/execute/2.3');
    expect([flowIdOf(id), idempotencyKeyOf(id)]).toEqual(['order-42', 'order-42/vm.boot/execute/2']);
    expect(atomNameOf(id)).toBe('vm.boot');
    expect(atomNameOf(requestIdOf({ ...parts, atom: 'any/thing/1.1' }))).toBe('any/thing/1.1');
    expect(idempotencyKeyOf(requestIdOf({ ...parts, attempt: 4 }))).toBe(idempotencyKeyOf(id));
    expect(idempotencyKeyOf(requestIdOf({ ...parts, round: 3 }))).not.toBe(idempotencyKeyOf(id));
  });

  it('of jobs, members and boards are 1 to 128 of A-Z a-z 0-9 _ -', () => {
    for (const id of ['a', 'order-42_B', 'x'.repeat(128)]) expect(checkId('job', id)).toBe(id);
    for (const id of ['', 'x'.repeat(129), 'a/b', 'a.b', 'ä', 'a b', '..'])
      expect(() => checkId('job', id)).toThrow(expect.objectContaining({ code: 'BATON_INPUT_INVALID' }));
  });
});

describe('rendezvous ranks', () => {
  const members = Array.from({ length: 5 }, (_, index) => `c${index}`);

  it('are one order for every member, spread evenly, and move only the jobs of a member that leaves', () => {
    const first = new Map<string, number>();
    for (let job = 0; job < 2_000; job++) {
      const ranks = members.map((member) => rendezvousRank(`job${job}`, member, members));
      expect(ranks.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
      const winner = members[ranks.indexOf(0)] ?? '';
      expect(rendezvousFirst(`job${job}`, members)).toBe(winner);
      first.set(winner, (first.get(winner) ?? 0) + 1);
      const without = members.filter((member) => member !== 'c4');
      if (winner !== 'c4') expect(rendezvousRank(`job${job}`, winner, without)).toBe(0);
    }
    for (const count of first.values()) expect(Math.abs(count - 400)).toBeLessThan(100);
  });

  it('come from a hash of 32 bits that never changes between versions', () => {
    expect([hash32(''), hash32('a'), hash32('job1')]).toEqual([535_972_289, 71_043_421, 2_409_769_793]);
  });
});
