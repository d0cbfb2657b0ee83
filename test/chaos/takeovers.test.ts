/** Planted histories: one job, its owners, and what was done to them. */
import type { JournalEntry, NodeOperation } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import type { BoardChange, StoredEntry } from '../simulation/history.js';
import type { Cause } from './fault-kind.js';
import type { StruckFault } from './faults.js';
import { takeoversOf } from './takeovers.js';

const lock = '/boards/default/locks/00/job';

function made(path: string, data: unknown = {}): NodeOperation {
  return { type: 'create', path, data: Buffer.from(JSON.stringify(data)), ephemeral: true };
}

function gone(path: string): NodeOperation {
  return { type: 'delete', path };
}

type Change = Omit<BoardChange, 'order'>;

function change(zxid: number, atMs: number, sessionId: number, ...operations: NodeOperation[]): Change {
  return { zxid: BigInt(zxid), atMs, sessionId: BigInt(sessionId), operations };
}

function claim(member: string, zxid: number, atMs: number): StoredEntry {
  const entry = { kind: 'claim', fence: { generation: 0, zxid: BigInt(zxid) }, claim: { member } };
  return { order: atMs, atMs, entry: entry as JournalEntry };
}

/** c1 has it as process 11 from 1,000 on, loses it at 9,000, and c2 has it at 9,020. */
const board = [
  change(1, 10, 1, made('/members/conductors/c1', { pid: 11 })),
  change(2, 20, 2, made('/members/conductors/c2', { pid: 22 })),
  change(3, 1_000, 1, made(lock)),
  change(4, 9_000, 1, gone(lock), gone('/members/conductors/c1')),
  change(5, 9_010, 2, made(lock)),
];
const entries = [claim('c1', 3, 1_005), claim('c2', 5, 9_020)];

function struck(cause: Cause, atMs: number, more: Partial<StruckFault> = {}): StruckFault {
  const pid = cause === 'cut' || cause === 'service away' ? undefined : 11;
  return { kind: cause, cause, victim: 'c1', pid, atMs, untilMs: atMs, kills: 0, ...more };
}

function took(...faults: readonly StruckFault[]) {
  const job = { jobId: 'job' } as never;
  return takeoversOf({ history: { board }, jobs: [{ job, entries }] }, faults);
}

const nothing = { ms: {}, unexplained: 1 };

describe('what took a job from its owner', () => {
  it.each(['killed', 'guard killed', 'host lost', 'drained'] as const)(
    '%s is a cause of its own',
    (cause) => {
      expect(took(struck(cause, 8_900))).toEqual({ ms: { [cause]: [120] }, unexplained: 0 });
    },
  );

  it('only what struck the process that held the lock counts', () => {
    expect(took(struck('killed', 900, { pid: 10 }))).toEqual(nothing);
    expect(took(struck('stopped', 8_900, { pid: 10 }))).toEqual(nothing);
    expect(took(struck('killed', 8_900, { victim: 'c2' }))).toEqual(nothing);
  });

  it('what came when the lock was gone has not taken it', () => {
    expect(took(struck('killed', 9_005))).toEqual(nothing);
    expect(took(struck('service away', 9_005))).toEqual(nothing);
  });

  it('of several the last, and none after the one that ends the process', () => {
    expect(took(struck('stopped', 6_000), struck('cut', 8_000)).ms).toEqual({ cut: [1_020] });
    expect(took(struck('stopped', 6_000), struck('killed', 8_000), struck('cut', 8_500)).ms).toEqual({
      killed: [1_020],
    });
  });

  it('a cut or a stop that was over long before did no harm', () => {
    expect(took(struck('cut', 2_000))).toEqual(nothing);
    expect(took(struck('stopped', 2_000))).toEqual(nothing);
    expect(took(struck('cut', 2_000, { untilMs: 7_000 })).ms).toEqual({ cut: [7_020] });
    expect(took(struck('stopped', 2_000, { untilMs: undefined })).ms).toEqual({ stopped: [7_020] });
  });

  it('a service explains it when it was away near that time, and nothing struck the owner', () => {
    const away = struck('service away', 7_000, { victim: 'zookeeper 1' });
    expect(took(away).ms).toEqual({ 'service away': [2_020] });
    expect(took({ ...away, atMs: 3_000, untilMs: 4_500 })).toEqual(nothing);
    expect(took(struck('killed', 6_900), away).ms).toEqual({ killed: [2_120] });
  });
});
