/**
 * Random lives of a few requests: several owners with their fences, sending again, asking, confirming, cancelling, late
 * duplicates and messages for other epochs, between starts and ends. What must hold is stated here on its own, from what was
 * told to whom; nothing of the ledger's inside is looked at.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Failure, Fence, ReplyMessage, TaskRequest } from '@baton/core';
import { RequestLedger, type Addressed, type Effect } from './request-ledger.js';

const OPEN_MAX = 4;
const KEPT_MAX = 3_000;

interface Ask {
  readonly kind: 'request' | 'attach' | 'cancel';
  readonly flow: number;
  readonly atom: number;
  readonly owner: number;
  readonly delivery: number;
  readonly stale: boolean;
  readonly forget: readonly number[];
}
type Step =
  | Ask
  | { readonly kind: 'forget'; readonly ids: readonly number[] }
  | { readonly kind: 'start' | 'finish' | 'handBack'; readonly pick: number }
  | { readonly kind: 'drain' };

const ids = fc.array(fc.nat(5), { maxLength: 3 });
const ask: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('request' as const, 'request' as const, 'attach' as const, 'cancel' as const),
  flow: fc.nat(1),
  atom: fc.nat(2),
  owner: fc.integer({ min: 1, max: 4 }),
  delivery: fc.integer({ min: 1, max: 4 }),
  // meant for an earlier epoch of this worker
  stale: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  forget: fc.oneof({ weight: 4, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: ids }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: ask },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), ids }) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('start' as const, 'start' as const, 'finish' as const, 'handBack' as const),
        pick: fc.nat(9),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'drain' }) },
  ),
  { maxLength: 60 },
);

/** What was promised to the outside so far, kept by the test. */
class World {
  readonly ledger = new RequestLedger({
    worker: 'w',
    epoch: 'now',
    offers: () => true,
    limits: { openMax: OPEN_MAX, keptBytesMax: KEPT_MAX, retentionMs: 1e9, remembered: 1e9 },
  });
  readonly waiting: string[] = [];
  readonly running: string[] = [];
  readonly ended = new Map<string, unknown>();
  readonly settled = new Set<string>();
  readonly promised = new Map<string, number>();
  readonly newestOwner = new Map<string, number>();
  readonly inboxOf = new Map<string, number>();
  readonly deliveryOf = new Map<string, number>();
  ends = 0;
  draining = false;

  get open(): readonly string[] {
    return [...this.waiting, ...this.running];
  }

  take(step: Step): void {
    if (step.kind === 'drain') this.#drain();
    else if (step.kind === 'forget') this.#forget(step.ids.map(idOf));
    else if ('pick' in step) this.#move(step.kind, step.pick);
    else this.#ask(step);
    expect(this.ledger.waiting).toBe(this.waiting.length);
    expect(this.ledger.running).toBe(this.running.length);
    expect(this.open.length).toBeLessThanOrEqual(OPEN_MAX);
  }

  #ask(step: Ask): void {
    const { flow, owner, delivery, kind } = step;
    const requestId = idOf(flow * 3 + step.atom);
    const effects = this.ledger.receive(messageOf(step, requestId), 0);
    expect(effects).toHaveLength(1);
    const [effect] = effects as [Effect];
    if (step.stale) {
      expect(effect).toEqual({ effect: 'ignore', why: 'epoch' });
      return;
    }
    if (kind === 'request') this.#confirmed(step.forget.map(idOf));
    const flowId = `F${flow}`;
    if (owner < (this.newestOwner.get(flowId) ?? 0)) {
      expect(effect).toMatchObject({ effect: 'ignore', why: 'fence' });
      return;
    }
    this.newestOwner.set(flowId, owner);
    if (kind === 'cancel') this.#checkCancel(effect, requestId);
    else this.#checkAnswer(effect, { requestId, delivery, partition: owner, mayRun: kind === 'request' });
  }

  #checkAnswer(
    effect: Effect,
    asked: { requestId: string; delivery: number; partition: number; mayRun: boolean },
  ): void {
    const { requestId, delivery, partition } = asked;
    const answer = (kind: ReplyMessage['kind']) => ({
      effect: 'reply',
      reply: { partition, message: { kind, requestId, delivery } },
    });
    if (this.open.includes(requestId)) {
      this.inboxOf.set(requestId, partition);
      this.deliveryOf.set(requestId, Math.max(delivery, this.deliveryOf.get(requestId) ?? 0));
      expect(effect).toMatchObject(answer('accepted'));
    } else if (this.settled.has(requestId))
      expect(effect).toMatchObject({ effect: 'ignore', why: 'settled' });
    else if (this.ended.has(requestId)) {
      expect(effect).toMatchObject(answer('result'));
      this.#maySend(requestId, delivery);
      expect(effect).toMatchObject({ reply: { message: { outcome: this.ended.get(requestId) } } });
    } else if (!asked.mayRun) {
      expect(effect).toMatchObject(answer('unknown'));
      this.#promise(requestId, delivery);
    } else if (delivery <= (this.promised.get(requestId) ?? 0))
      expect(effect).toMatchObject({ effect: 'ignore', why: 'promised' });
    else if (effect.effect === 'wait') {
      expect(this.draining).toBe(false);
      this.waiting.push(requestId);
      this.inboxOf.set(requestId, partition);
      this.deliveryOf.set(requestId, delivery);
    } else {
      expect(effect).toMatchObject(answer('refused'));
      expect(this.draining || this.open.length === OPEN_MAX || this.ledger.kept.bytes >= KEPT_MAX).toBe(true);
      this.#promise(requestId, delivery);
    }
  }

  #checkCancel(effect: Effect, requestId: string): void {
    if (this.running.includes(requestId)) expect(effect).toMatchObject({ effect: 'cancel', requestId });
    else if (this.waiting.includes(requestId)) {
      expect(effect).toMatchObject({ effect: 'reply', reply: { partition: this.inboxOf.get(requestId) } });
      remove(this.waiting, requestId);
      const { message } = (effect as { reply: Addressed }).reply;
      this.ended.set(requestId, { failure: { ...outcomeOf(message).failure, phase: 'queue' } });
      this.#maySend(requestId, this.deliveryOf.get(requestId) ?? 0);
      expect(outcomeOf(message)).toEqual(this.ended.get(requestId));
    } else expect(effect).toMatchObject({ effect: 'ignore', why: 'not-running' });
  }

  #move(kind: 'start' | 'finish' | 'handBack', pick: number): void {
    const from = kind === 'start' ? this.waiting : this.running;
    const requestId = from[pick % from.length];
    if (requestId === undefined) return;
    if (kind === 'start') {
      expect(this.ledger.start(requestId)?.requestId).toBe(requestId);
      this.running.push(requestId);
    } else if (kind === 'finish') {
      const outcome = { value: { data: ++this.ends } };
      const reply = this.ledger.finish(requestId, { outcome, sizeBytes: 700 }, 0);
      expect(reply).toMatchObject({
        partition: this.inboxOf.get(requestId),
        message: { requestId, outcome },
      });
      this.ended.set(requestId, outcome);
    } else {
      this.ledger.handBack(requestId, 0);
      this.settled.add(requestId);
    }
    remove(from, requestId);
  }

  #forget(requestIds: readonly string[]): void {
    expect(this.ledger.receive({ kind: 'forget', workerEpoch: 'now', requestIds }, 0)).toEqual([]);
    this.#confirmed(requestIds);
  }

  #confirmed(requestIds: readonly string[]): void {
    for (const requestId of requestIds) {
      if (this.waiting.includes(requestId)) remove(this.waiting, requestId);
      else if (!this.running.includes(requestId) && !this.ended.has(requestId)) continue;
      this.settled.add(requestId);
    }
  }

  #drain(): void {
    this.draining = true;
    const refused = this.ledger.drain(0).map(({ message }) => (message as { requestId: string }).requestId);
    expect(refused.sort()).toEqual([...this.waiting].sort());
    for (const requestId of refused) this.#promise(requestId, this.deliveryOf.get(requestId) ?? 0);
    this.waiting.length = 0;
  }

  /** With a second delivery there may have been one elsewhere: "never begun" can be said no more. */
  #maySend(requestId: string, delivery: number): void {
    const { failure } = this.ended.get(requestId) as { failure?: Failure };
    if (delivery > 1 && failure) this.ended.set(requestId, { failure: { ...failure, phase: 'execute' } });
  }

  #promise(requestId: string, delivery: number): void {
    this.promised.set(requestId, Math.max(delivery, this.promised.get(requestId) ?? 0));
  }
}

describe('RequestLedger under random traffic', () => {
  it('runs nothing twice at a time, nothing promised away, confirmed or from a former owner, and answers every question', () => {
    fc.assert(
      fc.property(steps, (life) => {
        const world = new World();
        for (const step of life) world.take(step);
      }),
      { numRuns: 2_000 },
    );
  });
});

function idOf(n: number): string {
  return `F${Math.floor(n / 3)}/a${n % 3}/execute/0.1`;
}

function messageOf(step: Ask, requestId: string) {
  const flowId = `F${step.flow}`;
  const fence: Fence = { generation: 0, zxid: BigInt(step.owner) };
  const common = { workerEpoch: step.stale ? 'before' : 'now', replyPartition: step.owner };
  if (step.kind === 'attach')
    return {
      kind: 'attach' as const,
      ...common,
      requests: [{ requestId, delivery: step.delivery, flowId, fence }],
    };
  if (step.kind === 'cancel')
    return {
      kind: 'control' as const,
      ...common,
      requestId,
      flowId,
      fence,
      command: 'cancel' as const,
      reason: 'r',
    };
  const request: TaskRequest = {
    kind: 'request',
    ...common,
    requestId,
    delivery: step.delivery,
    flowId,
    atom: `a${step.atom}`,
    action: 'execute',
    fence,
    task: 't',
    taskVersion: '1.0',
    attempt: 1,
    round: 0,
    args: {},
    sentAtMs: 0,
    forget: step.forget.map(idOf),
  };
  return request;
}

const outcomeOf = (message: ReplyMessage) => (message as { outcome: { failure: Failure } }).outcome;

function remove(from: string[], item: string): void {
  from.splice(from.indexOf(item), 1);
}
