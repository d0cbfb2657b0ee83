import { describe, expect, it } from '@jest/globals';
import { failoverOf, type Kill, type LogLine } from './failovers.js';

const kill: Kill = { member: 'c2', kind: 'conductor', host: false, killedAtMs: 1_000, jobIds: ['j1', 'j2'] };
const guard: LogLine = { message: 'guard.session.ended', memberId: 'c2', monotonicMs: 1_008 };
const takenOver = (jobId: string, atMs: number, from = 'c2'): LogLine => ({
  message: 'job.taken-over',
  jobId,
  from,
  requests: 3,
  seenAtMs: atMs,
  claimedAtMs: atMs + 5,
  foundAtMs: atMs + 9,
  fencedAtMs: atMs + 20,
  loadedAtMs: atMs + 30,
});

describe('failovers', () => {
  it('are unknown until somebody has taken over', () => {
    expect(failoverOf(kill, [guard])).toBeUndefined();
  });

  it('of a conductor: from the first who saw it to the last job that goes on', () => {
    const lines = [guard, takenOver('j1', 1_010), takenOver('j2', 1_012)];
    const failover = failoverOf(kill, lines);
    expect(failover).toMatchObject({
      detectMs: 10,
      claimMs: 7,
      resumeMs: 15,
      totalMs: 32,
      jobs: 2,
      requests: 6,
      guardMs: 8,
    });
  });

  it('leave out other members, other jobs, and what was before the kill', () => {
    const lines = [takenOver('j1', 500), takenOver('j1', 1_010, 'c1'), takenOver('j9', 1_020)];
    expect(failoverOf(kill, lines)).toBeUndefined();
  });

  it('of a worker: by its registration, until the last conductor has sent its requests again', () => {
    const worker: Kill = {
      member: 'w1',
      kind: 'worker',
      epoch: 'e7',
      host: true,
      killedAtMs: 1_000,
      jobIds: ['j1'],
    };
    const lost = (workerEpoch: string, seenAtMs: number): LogLine => ({
      message: 'worker.lost',
      workerEpoch,
      requests: 4,
      seenAtMs,
      resentAtMs: seenAtMs + 2.04,
    });
    expect(failoverOf(worker, [lost('e6', 1_001)])).toBeUndefined();
    expect(failoverOf(worker, [lost('e7', 1_010), lost('e7', 1_015)])).toEqual({
      member: 'w1',
      kind: 'worker',
      detectMs: 10,
      claimMs: 0,
      resumeMs: 7,
      totalMs: 17,
      jobs: 1,
      requests: 8,
      guardMs: undefined,
    });
  });
});
