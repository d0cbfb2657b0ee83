/** The protocol of the inboxes (Outbox, Inbox, ReplyReplay) over any PartitionLog. */
import { expect } from '@jest/globals';
import { codeOf, type PartitionLog, type ReplyMessage, type RequestMessage } from '@baton/core';
import { ensureTopics, Inbox, Outbox, ReplyReplay, topicsOf, type Received } from '@baton/transport';
import { casesOf, defineContract, type Scope } from '../contracts/contract.js';
import type { PartitionLogWorld } from '../contracts/partition-log-contract.js';
import { eventually } from '../runtime/eventually.js';
import { realRuntime } from '../runtime/runtimes.js';

const clusterId = 'cluster-1';
const slots = { requestSlots: 4, replySlots: 2 };

export function transportSuite(name: string, open: () => Promise<PartitionLogWorld>): void {
  defineContract(`${name} carries the inboxes`, transportCases, open);
}

/** One installation on the world's log: what each case sends with and reads from. */
class Installation {
  readonly runtime = realRuntime();
  readonly prefix: string;
  readonly log: PartitionLog;
  readonly #scope: Scope;
  readonly #common;

  static async on(world: PartitionLogWorld, scope: Scope): Promise<Installation> {
    const prefix = `${world.topicPrefix}inbox`;
    await ensureTopics(world.primitive, prefix, slots);
    return new Installation(world.primitive, prefix, scope);
  }

  private constructor(log: PartitionLog, prefix: string, scope: Scope) {
    this.log = log;
    this.prefix = prefix;
    this.#scope = scope;
    this.#common = { log, prefix, runtime: this.runtime, clusterId };
  }

  async outbox(sender = 'member-1', cluster = clusterId): Promise<Outbox> {
    const outbox = await Outbox.open({ ...this.#common, sender, clusterId: cluster });
    this.#scope.own({ close: () => outbox.close({ deadlineMs: 1_000 }) });
    return outbox;
  }

  async replies(partition: number, onPoison: (poison: { position: number }) => void = () => undefined) {
    const received: Received<ReplyMessage>[] = [];
    const onMessages = (messages: readonly Received<ReplyMessage>[]) => void received.push(...messages);
    const inbox = await Inbox.openReplies({ ...this.#common, partition, onMessages, onPoison });
    return { inbox: this.#scope.own(inbox), received };
  }

  async requests(partition: number) {
    const received: Received<RequestMessage>[] = [];
    const onMessages = (messages: readonly Received<RequestMessage>[]) => void received.push(...messages);
    const inbox = await Inbox.openRequests({
      ...this.#common,
      partition,
      onMessages,
      onPoison: () => undefined,
    });
    return { inbox: this.#scope.own(inbox), received };
  }

  async replay(): Promise<ReplyReplay> {
    return this.#scope.own(await ReplyReplay.open(this.#common));
  }

  /** All values of a topic's partition, from its beginning. */
  async valuesOf(topic: string, partition = 0): Promise<Uint8Array[]> {
    const reader = await this.log.openReader(topic);
    try {
      const { start, end } = await reader.bounds(partition);
      const values: Uint8Array[] = [];
      // an answer may hold fewer records than there are
      for (let from = start; from < end; from = start + values.length)
        values.push(...(await reader.read({ partition, from, waitMs: 0 })).records.map(({ value }) => value));
      return values;
    } finally {
      await reader.close();
    }
  }
}

const replyOf = (n: number): ReplyMessage => ({
  kind: 'result',
  worker: 'w',
  workerEpoch: 'e',
  requestId: `flow/atom-${n}/execute/0.1`,
  delivery: 1,
  outcome: { value: { data: { n } } },
});
const forgetOf = (n: number): RequestMessage => ({ kind: 'forget', workerEpoch: 'e', requestIds: [`r${n}`] });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const messagesOf = <M>(received: readonly Received<M>[]) => received.map(({ message }) => message);

export const transportCases = casesOf<PartitionLogWorld>({
  'makes the three topics, raises slot counts and never lowers them': async (world) => {
    const prefix = `${world.topicPrefix}slots`;
    const { request, reply, dead } = topicsOf(prefix);
    const counts = () =>
      Promise.all([request, reply, dead].map((topic) => world.primitive.partitions(topic)));
    await Promise.all(numbers(3).map(() => ensureTopics(world.primitive, prefix, slots)));
    expect(await counts()).toEqual([4, 2, 1]);
    await ensureTopics(world.primitive, prefix, { requestSlots: 6, replySlots: 1 });
    expect(await counts()).toEqual([6, 2, 1]);
  },

  'brings requests and replies to the inbox of their partition and to no other': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, worker, other, conductor] = await Promise.all([
      place.outbox(),
      place.requests(3),
      place.requests(2),
      place.replies(1),
    ]);
    outbox.sendRequest(3, forgetOf(1));
    outbox.sendReply(1, replyOf(2));
    await eventually(() => worker.received.length === 1 && conductor.received.length === 1);
    expect(messagesOf(worker.received)).toEqual([forgetOf(1)]);
    expect(messagesOf(conductor.received)).toEqual([replyOf(2)]);
    expect(other.received).toEqual([]);
  },

  'keeps the order of what one outbox sends, however much falls together': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, { received, inbox }] = [await place.outbox(), await place.replies(0)];
    const from = inbox.position;
    for (const n of numbers(500)) outbox.sendReply(0, replyOf(n));
    await outbox.idle();
    for (const n of numbers(500)) outbox.sendReply(0, replyOf(500 + n));
    await eventually(() => received.length >= 1_000);
    expect(messagesOf(received)).toEqual(numbers(1_000).map(replyOf));
    expect(received.map(({ position }) => position)).toEqual(numbers(1_000).map((n) => from + n));
    expect(outbox.pending).toBe(0);
  },

  'opens an inbox at the end: what was sent before is not its business': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const outbox = await place.outbox();
    outbox.sendReply(0, replyOf(1));
    await outbox.idle();
    const { inbox, received } = await place.replies(0);
    outbox.sendReply(0, replyOf(2));
    await eventually(() => received.length > 0);
    expect(messagesOf(received)).toEqual([replyOf(2)]);
    expect(received[0]?.position).toBe(1);
    expect(inbox.position).toBe(2);
  },

  'knows its position exactly, and tells when another is reached': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, { inbox, received }] = [await place.outbox(), await place.replies(1)];
    expect(inbox.position).toBe(0);
    await inbox.reached(0);
    for (const n of numbers(10)) outbox.sendReply(1, replyOf(n));
    await outbox.idle();
    expect(await inbox.end()).toBe(10);
    await inbox.reached(10);
    expect(received).toHaveLength(10);
    expect(inbox.position).toBe(10);
  },

  'gives what it cannot decode to the dead letters, with the reason, and goes on': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const outbox = await place.outbox('reader');
    const stranger = await place.outbox('stranger', 'cluster-2');
    const { inbox, received } = await place.replies(0, (poison) => outbox.sendDead(poison as never));
    const garbage = Uint8Array.from([255, 254, 253]);
    const appender = scope.own(await place.log.openAppender());
    const { reply, dead } = topicsOf(place.prefix);
    await appender.append([{ topic: reply, partition: 0, value: garbage }]);
    stranger.sendReply(0, replyOf(1));
    await stranger.idle();
    outbox.sendReply(0, replyOf(2));
    await inbox.reached(3);
    expect(messagesOf(received)).toEqual([replyOf(2)]);
    await outbox.idle();
    const letters = (await place.valuesOf(dead)).map(
      (value) => JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>,
    );
    const common = { topic: reply, partition: 0, foundBy: 'reader' };
    expect(letters).toMatchObject([
      {
        ...common,
        position: 0,
        code: 'BATON_INPUT_MALFORMED',
        bytes: Buffer.from(garbage).toString('base64'),
      },
      {
        ...common,
        position: 1,
        code: 'BATON_INPUT_UNSUPPORTED',
        reason: expect.stringContaining('cluster-2'),
      },
    ]);
  },

  'replays from a position to the end that is there, skipping what cannot be read': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, replay] = [await place.outbox(), await place.replay()];
    for (const n of numbers(100)) outbox.sendReply(1, replyOf(n));
    await outbox.idle();
    const appender = scope.own(await place.log.openAppender());
    await appender.append([
      { topic: topicsOf(place.prefix).reply, partition: 1, value: Uint8Array.from([1]) },
    ]);
    const seen: [number, ReplyMessage][] = [];
    const end = await replay.read(1, 90, (message, position) => {
      // what comes while it is read is behind the end that was seen first
      if (seen.length === 0) outbox.sendReply(1, replyOf(1_000));
      seen.push([position, message]);
    });
    expect(end).toBe(101);
    expect(seen).toEqual(numbers(10).map((n) => [90 + n, replyOf(90 + n)]));
    const nothing = () => expect('a message').toBe('none');
    expect(await replay.read(0, 0, nothing)).toBe(0);
    expect(await replay.read(0, 7, nothing)).toBe(0);
  },

  'replays several partitions at once on one connection': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, replay] = [await place.outbox(), await place.replay()];
    for (const n of numbers(40)) outbox.sendReply(n % 2, replyOf(n));
    await outbox.idle();
    const seen: ReplyMessage[][] = [[], []];
    await Promise.all(
      [0, 1].map((partition) => replay.read(partition, 0, (message) => seen[partition]?.push(message))),
    );
    expect(seen).toEqual(
      [0, 1].map((p) =>
        numbers(40)
          .filter((n) => n % 2 === p)
          .map(replyOf),
      ),
    );
  },

  'sends what is pending before it closes, and nothing afterwards': async (world, scope) => {
    const place = await Installation.on(world, scope);
    const [outbox, { inbox, received }] = [await place.outbox(), await place.replies(0)];
    for (const n of numbers(50)) outbox.sendReply(0, replyOf(n));
    await Promise.all([outbox.close({ deadlineMs: 5_000 }), outbox.close({ deadlineMs: 5_000 })]);
    expect(outbox.pending).toBe(0);
    expect(() => outbox.sendReply(0, replyOf(1))).toThrow(
      expect.objectContaining({ code: 'BATON_UNAVAILABLE_DISCONNECTED' }),
    );
    await inbox.reached(50);
    await inbox.close();
    await inbox.close();
    expect(received).toHaveLength(50);
    expect(codeOf(await inbox.reached(51).catch((error: unknown) => error))).toBe(
      'BATON_UNAVAILABLE_DISCONNECTED',
    );
  },
});
