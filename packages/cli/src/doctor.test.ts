import { expect, it } from '@jest/globals';
import { examineReplicas } from './doctor.js';

it('a single replica is worth a note, with what to do about it', () => {
  expect(examineReplicas(1)).toMatchObject({
    state: 'note',
    remedy: expect.stringContaining('three brokers'),
  });
  expect(examineReplicas(3)).toEqual({ check: 'replication', state: 'ok', found: '3 replicas' });
});
