import { describe, expect, it } from '@jest/globals';
import {
  failureOf,
  requestIdOf,
  type Attach,
  type Failure,
  type Fence,
  type RequestMessage,
  type TaskRequest,
} from '@baton/core';
import { encodeReply } from '@baton/wire';
import { openMaxOf } from './options.js';
import { RequestLedger, type Effect, type LedgerLimits } from './request-ledger.js';

const EPOCH = 'e1';
const limits: LedgerLimits = { openMax: 8, keptBytesMax: 10_000, retentionMs: 1_000, remembered: 1_000 };

function ledger(over: Partial<LedgerLimits> = {}) {
  const offers = (task: string) => task !== 'unknown-task';
  return new RequestLedger({ worker: 'w1', epoch: EPOCH, offers, limits: { ...limits, ...over } });
}

function fence(zxid: number): Fence {
  return { generation: 0, zxid: BigInt(zxid) };
}

function idOf(atom: string, flowId = 'F') {
  return requestIdOf({ flowId, atom, action: 'execute', round: 0, attempt: 1 });
}

function request(atom: string, over: Partial<TaskRequest> = {}): TaskRequest {
  return {
    kind: 'request',
    requestId: idOf(atom, over.flowId),
    delivery: 1,
    flowId: 'F',
    atom,
    action: 'execute',
    fence: fence(10),
    workerEpoch: EPOCH,
    replyPartition: 1,
    task: 'some-task',
    taskVersion: '1.0',
    attempt: 1,
    round: 0,
    args: {},
    sentAtMs: 0,
    forget: [],
    ...over,
  };
}

function attach(atom: string, over: Partial<Attach> & { delivery?: number; fence?: Fence } = {}): Attach {
  const { delivery = 1, fence: newer = fence(20), ...rest } = over;
  return {
    kind: 'attach',
    workerEpoch: EPOCH,
    replyPartition: 2,
    requests: [{ requestId: idOf(atom), delivery, flowId: 'F', fence: newer }],
    ...rest,
  };
}

const forget = (...atoms: string[]): RequestMessage => ({
  kind: 'forget',
  workerEpoch: EPOCH,
  requestIds: atoms.map((atom) => idOf(atom)),
});

const cancel = (atom: string, zxid = 10): RequestMessage => ({
  kind: 'control',
  workerEpoch: EPOCH,
  requestId: idOf(atom),
  flowId: 'F',
  fence: fence(zxid),
  command: 'cancel',
  reason: 'enough',
});

const value = (data: string, sizeBytes = 100) => ({ outcome: { value: { data } }, sizeBytes });

/** One word per effect, to read sequences at a glance. */
function told(effects: readonly Effect[]): string[] {
  return effects.map((one) => {
    if (one.effect === 'ignore') return `ignore:${one.why}`;
    if (one.effect !== 'reply') return one.effect;
    const { partition, message } = one.reply;
    const reason = message.kind === 'refused' ? `(${message.reason})` : '';
    const delivery = 'delivery' in message ? `#${message.delivery}` : '';
    return `${message.kind}${reason}${delivery}→${partition}`;
  });
}

describe('RequestLedger', () => {
  it('lets a new request wait, run and finish, and answers once', () => {
    const l = ledger();
    expect(told(l.receive(request('a'), 0))).toEqual(['wait']);
    expect([l.waiting, l.running]).toEqual([1, 0]);
    expect(l.start(idOf('a'))?.atom).toBe('a');
    expect(l.start(idOf('a'))).toBeUndefined();
    expect([l.waiting, l.running]).toEqual([0, 1]);
    expect(l.finish(idOf('a'), value('x'), 0)).toEqual({
      partition: 1,
      message: {
        kind: 'result',
        requestId: idOf('a'),
        delivery: 1,
        outcome: { value: { data: 'x' } },
        worker: 'w1',
        workerEpoch: EPOCH,
      },
    });
    expect(l.finish(idOf('a'), value('x'), 0)).toBeUndefined();
    expect(l.kept.results).toBe(1);
  });

  it('announces what waits or runs again, to the inbox of the newest owner (P-912)', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    expect(told(l.receive(request('a'), 0))).toEqual(['accepted#1→1']);
    l.start(idOf('a'));
    expect(told(l.receive(attach('a'), 0))).toEqual(['accepted#1→2']);
    expect(l.finish(idOf('a'), value('x'), 0)?.partition).toBe(2);
  });

  it('answers a higher delivery of what it runs under that delivery', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    expect(told(l.receive(request('a', { delivery: 3 }), 0))).toEqual(['accepted#3→1']);
    expect(l.finish(idOf('a'), value('x'), 0)?.message).toMatchObject({ delivery: 3 });
  });

  it('sends a kept result again to whoever asks, echoing the delivery', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    l.finish(idOf('a'), value('x'), 0);
    expect(told(l.receive(request('a'), 0))).toEqual(['result#1→1']);
    expect(told(l.receive(attach('a', { delivery: 2 }), 0))).toEqual(['result#2→2']);
  });

  it('never runs what was confirmed, and drops its value (P-915)', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    l.finish(idOf('a'), value('x'), 0);
    expect(l.receive(forget('a'), 0)).toEqual([]);
    expect(l.kept).toEqual({ results: 0, bytes: 0 });
    expect(told(l.receive(request('a', { delivery: 2 }), 0))).toEqual(['ignore:settled']);
    expect(told(l.receive(attach('a'), 0))).toEqual(['ignore:settled']);
  });

  it('takes confirmations that ride on a request, before the request', () => {
    const l = ledger({ openMax: 1, keptBytesMax: 300 });
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    l.finish(idOf('a'), value('x'), 0);
    expect(told(l.receive(request('b'), 0))).toEqual(['refused(overloaded)#1→1']);
    expect(told(l.receive(request('c', { forget: [idOf('a')] }), 0))).toEqual(['wait']);
  });

  it('does not start what waits once another worker has answered it, and keeps no result of what runs', () => {
    const l = ledger();
    l.receive(request('waits'), 0);
    l.receive(request('runs'), 0);
    l.start(idOf('runs'));
    l.receive(forget('waits', 'runs', 'never-heard-of'), 0);
    expect(l.start(idOf('waits'))).toBeUndefined();
    expect(l.finish(idOf('runs'), value('x'), 0)).toBeDefined();
    expect(l.kept.results).toBe(0);
    expect(told(l.receive(request('runs', { delivery: 2 }), 0))).toEqual(['ignore:settled']);
  });

  it('keeps the promise of "unknown": that delivery and lower ones never run, a higher one does (P-803)', () => {
    const l = ledger();
    expect(told(l.receive(attach('a', { delivery: 2 }), 0))).toEqual(['unknown#2→2']);
    const owner = { fence: fence(20), replyPartition: 2 };
    expect(told(l.receive(request('a', { ...owner, delivery: 1 }), 0))).toEqual(['ignore:promised']);
    expect(told(l.receive(request('a', { ...owner, delivery: 2 }), 0))).toEqual(['ignore:promised']);
    expect(told(l.receive(request('a', { ...owner, delivery: 3 }), 0))).toEqual(['wait']);
  });

  it('keeps the promise of a refusal', () => {
    const l = ledger({ openMax: 1 });
    l.receive(request('a'), 0);
    expect(told(l.receive(request('b'), 0))).toEqual(['refused(overloaded)#1→1']);
    l.start(idOf('a'));
    l.finish(idOf('a'), value('x'), 0);
    expect(told(l.receive(request('b'), 0))).toEqual(['ignore:promised']);
    expect(told(l.receive(request('b', { delivery: 2 }), 0))).toEqual(['wait']);
  });

  it('refuses a task it does not offer', () => {
    expect(told(ledger().receive(request('a', { task: 'unknown-task' }), 0))).toEqual([
      'refused(no-such-task)#1→1',
    ]);
  });

  it('neither executes nor answers what is meant for another epoch, and learns nothing from it (P-901)', () => {
    const l = ledger();
    l.receive(request('kept'), 0);
    l.start(idOf('kept'));
    l.finish(idOf('kept'), value('x'), 0);
    const other = { workerEpoch: 'e0' };
    expect(told(l.receive(request('a', { ...other, fence: fence(99), forget: [idOf('kept')] }), 0))).toEqual([
      'ignore:epoch',
    ]);
    expect(told(l.receive(attach('a', other), 0))).toEqual(['ignore:epoch']);
    expect(told(l.receive({ ...forget('kept'), ...other } as RequestMessage, 0))).toEqual(['ignore:epoch']);
    expect(l.kept.results).toBe(1);
    expect(told(l.receive(request('a'), 0))).toEqual(['wait']);
  });

  it('ignores an owner whose fence was passed, for requests, attaches and cancels, but only in that flow (P-911)', () => {
    const l = ledger();
    l.receive(attach('a', { fence: fence(20) }), 0);
    expect(told(l.receive(request('b', { fence: fence(19) }), 0))).toEqual(['ignore:fence']);
    expect(told(l.receive(attach('b', { fence: fence(19) }), 0))).toEqual(['ignore:fence']);
    expect(told(l.receive(cancel('b', 19), 0))).toEqual(['ignore:fence']);
    expect(told(l.receive(request('b', { fence: fence(20) }), 0))).toEqual(['wait']);
    expect(told(l.receive(request('b', { flowId: 'G', fence: fence(1) }), 0))).toEqual(['wait']);
    expect(told(l.receive(request('c', { fence: { generation: 1, zxid: 0n } }), 0))).toEqual(['wait']);
  });

  it('remembers the fence of a flow as long as one of its requests is open', () => {
    const l = ledger();
    l.receive(request('a', { fence: fence(20) }), 0);
    l.start(idOf('a'));
    for (let atMs = 500; atMs < 5_000; atMs += 500) l.expire(atMs);
    expect(told(l.receive(request('b', { fence: fence(19) }), 5_000))).toEqual(['ignore:fence']);
  });

  it('tells the runner to cancel what runs, and answers for what has not started', () => {
    const l = ledger();
    l.receive(request('runs'), 0);
    l.start(idOf('runs'));
    l.receive(request('waits'), 0);
    expect(l.receive(cancel('runs'), 0)).toEqual([
      { effect: 'cancel', requestId: idOf('runs'), reason: 'enough' },
    ]);
    expect(told(l.receive(cancel('waits'), 0))).toEqual(['result#1→1']);
    expect(l.start(idOf('waits'))).toBeUndefined();
    expect(told(l.receive(cancel('nothing'), 0))).toEqual(['ignore:not-running']);
    const [again] = l.receive(request('waits'), 0);
    expect(again).toMatchObject({
      reply: { message: { kind: 'result', outcome: { failure: { code: 'CANCELLED', retryable: false } } } },
    });
  });

  it('says that a body never began, so that nothing is undone, only of a first delivery: another may have run elsewhere (E-861)', () => {
    const phaseTold = ([effect]: readonly Effect[]) =>
      effect?.effect === 'reply' && effect.reply.message.kind === 'result'
        ? (effect.reply.message.outcome as { failure: Failure }).failure.phase
        : undefined;
    const l = ledger();
    for (const [atom, over] of Object.entries({
      first: {},
      second: { delivery: 2 },
      undo: { action: 'revert' as const },
    }))
      l.receive(request(atom, over), 0);
    expect(phaseTold(l.receive(cancel('first'), 0))).toBe('queue');
    expect(phaseTold(l.receive(cancel('second'), 0))).toBe('execute');
    expect(phaseTold(l.receive(cancel('undo'), 0))).toBe('revert');
    // whoever asks with a later delivery may have sent one elsewhere meanwhile
    expect(phaseTold(l.receive(attach('first'), 0))).toBe('queue');
    expect(phaseTold(l.receive(attach('first', { delivery: 3 }), 0))).toBe('execute');
    expect(phaseTold(l.receive(attach('first'), 0))).toBe('execute');

    l.receive(request('no-place', { delivery: 2, fence: fence(20) }), 0);
    l.start(idOf('no-place'));
    const failure = failureOf('WORKER_CRASH', 'no thread to run in', { phase: 'queue' });
    expect(l.finish(idOf('no-place'), { outcome: { failure }, sizeBytes: 1 }, 0)?.message).toMatchObject({
      outcome: { failure: { ...failure, phase: 'execute' } },
    });
  });

  it('hands back everything unstarted when it drains, and refuses what comes later', () => {
    const l = ledger();
    l.receive(request('runs'), 0);
    l.start(idOf('runs'));
    l.receive(request('waits'), 0);
    expect(told(l.drain(0).map((reply) => ({ effect: 'reply', reply })))).toEqual(['refused(draining)#1→1']);
    expect([l.waiting, l.running]).toEqual([0, 1]);
    expect(told(l.receive(request('waits'), 0))).toEqual(['ignore:promised']);
    expect(told(l.receive(request('late'), 0))).toEqual(['refused(draining)#1→1']);
    expect(l.heartbeats(0)).toMatchObject([
      { partition: 1, message: { running: [idOf('runs')], draining: true } },
    ]);
  });

  it('sends one heartbeat to each inbox that waits for something', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.receive(request('b'), 0);
    l.receive(request('c', { replyPartition: 7 }), 0);
    expect(l.heartbeats(3).map(({ partition, message }) => ({ partition, message }))).toMatchObject([
      {
        partition: 1,
        message: { kind: 'heartbeat', running: [idOf('a'), idOf('b')], free: 3, draining: false },
      },
      { partition: 7, message: { running: [idOf('c')] } },
    ]);
    expect(ledger().heartbeats(3)).toEqual([]);
  });

  it('holds no more than a heartbeat can list, however long the ids are', () => {
    const l = ledger({ openMax: openMaxOf(Number.MAX_SAFE_INTEGER) });
    const flowId = 'f'.repeat(128);
    let open = 0;
    for (; ; open++) {
      const atom = `${open}`.padEnd(255, 'a'); // E-1805
      const requestId = requestIdOf({ flowId, atom, action: 'execute', round: 2 ** 31, attempt: 2 ** 31 });
      const [effect] = l.receive(request(atom, { flowId, requestId }), 0);
      if (effect?.effect !== 'wait') break;
    }
    expect(open).toBeGreaterThan(2_048); // what one conductor sends to the largest worker
    const [heartbeat] = l.heartbeats(0);
    if (heartbeat === undefined) throw new Error('no heartbeat');
    const header = { clusterId: 'c'.repeat(128), sender: 'w'.repeat(128), sentAtMs: Date.UTC(2030, 0, 1) };
    expect(() => encodeReply(heartbeat.message, header)).not.toThrow();
  });

  it('turns a result nobody confirmed into a promise when its time is over, and then forgets that too', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    l.finish(idOf('a'), { outcome: { failure: failureOf('X', 'x') }, sizeBytes: 1 }, 0);
    l.expire(999);
    expect(l.kept.results).toBe(1);
    l.expire(1_000);
    expect(l.kept).toEqual({ results: 0, bytes: 0 });
    expect(told(l.receive(request('a'), 1_000))).toEqual(['ignore:promised']);
    expect(told(l.receive(attach('a'), 1_000))).toEqual(['unknown#1→2']);
    l.expire(9_000);
    expect(told(l.receive(request('a'), 9_000))).toEqual(['wait']);
  });

  it('says nothing of what it handed back half done, and never runs it again: "unknown" would say that it never ran (P-106)', () => {
    const l = ledger();
    l.receive(request('a'), 0);
    l.start(idOf('a'));
    l.drain(0);
    l.handBack(idOf('a'), 0);
    expect(l.running).toBe(0);
    expect(told(l.receive(attach('a'), 0))).toEqual(['ignore:settled']);
    const owner = { fence: fence(20), replyPartition: 2 };
    for (const delivery of [1, 2])
      expect(told(l.receive(request('a', { ...owner, delivery }), 0))).toEqual(['ignore:settled']);
  });

  it('remembers a bounded number of ids, the newest', () => {
    const l = ledger({ remembered: 3 });
    for (const atom of ['a', 'b', 'c', 'd']) l.receive(attach(atom), 0);
    expect(told(l.receive(request('d', { fence: fence(20) }), 0))).toEqual(['ignore:promised']);
    expect(told(l.receive(request('a', { fence: fence(20) }), 0))).toEqual(['wait']);
  });
});
