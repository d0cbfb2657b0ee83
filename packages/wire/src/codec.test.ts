import { describe, expect, it } from '@jest/globals';
import {
  codeOf,
  familyOf,
  type Failure,
  type InlineValue,
  type JsonValue,
  type ReplyMessage,
  type RequestMessage,
  type TaskRequest,
} from '@baton/core';
import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import { baton } from '../gen/messages.js';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  wireLimits,
  type WireHeader,
} from './index.js';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const uint32 = fc.nat(0xffffffff);
const ms = fc.double({ min: 0, max: 1e13, noNaN: true });
// JSON knows no -0
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
const bytes = fc.uint8Array({ maxLength: 64 }).map((raw) => Buffer.from(raw).toString('base64'));
const value: fc.Arbitrary<InlineValue> = fc.oneof(
  json.map((data) => ({ data })),
  bytes.map((base64) => ({ bytes: base64 })),
);
const fence = fc.record({ generation: uint32, zxid: fc.bigInt(0n, 2n ** 64n - 1n) });
/** Leaves out what is undefined, as `exactOptionalPropertyTypes` wants it. */
const partly = <T extends object>(
  required: fc.Arbitrary<T>,
  optional: Record<string, fc.Arbitrary<unknown>>,
) =>
  fc
    .tuple(required, fc.record(optional, { requiredKeys: [] }))
    .map(([must, may]) => ({ ...must, ...may }) as T);

const { failure } = fc.letrec<{ failure: Failure }>((tie) => ({
  failure: partly(
    fc.record({
      version: fc.constant(1 as const),
      message: text,
      types: fc.array(text, { maxLength: 4 }),
      retryable: fc.boolean(),
    }) as fc.Arbitrary<Failure>,
    {
      code: text,
      phase: fc.constantFrom('decider', 'arguments', 'queue', 'execute', 'result', 'revert'),
      atom: text,
      attempt: uint32,
      round: uint32,
      worker: text,
      retryAfterMs: ms,
      stack: text,
      causes: fc.array(tie('failure'), {
        minLength: 1,
        maxLength: 2,
      }),
      details: json,
    },
  ),
}));
const outcome = fc.oneof(
  value.map((it) => ({ value: it })),
  failure.map((it) => ({ failure: it })),
);

const header: fc.Arbitrary<WireHeader> = fc.record({ clusterId: id, sender: id, sentAtMs: ms });
const asked = fc.record({ requestId: id, delivery: uint32, flowId: id, fence });
const taskRequest = partly(
  fc.record({
    kind: fc.constant('request' as const),
    requestId: id,
    link: fc.option(fc.record({ token: id, url: id }), { nil: undefined }),
    delivery: uint32,
    flowId: id,
    atom: id,
    action: fc.constantFrom('execute' as const, 'revert' as const),
    fence,
    workerEpoch: id,
    replyPartition: uint32,
    task: id,
    taskVersion: id,
    attempt: uint32,
    round: uint32,
    args: fc.dictionary(fc.oneof(text, fc.constant('__proto__')), value, {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    sentAtMs: ms,
    forget: fc.array(text, { maxLength: 3 }),
  }) as fc.Arbitrary<TaskRequest>,
  {
    result: outcome,
    flowFailures: fc.dictionary(text, failure, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
    timeoutMs: ms,
    traceparent: text,
  },
);
const request: fc.Arbitrary<RequestMessage> = fc.oneof(
  taskRequest,
  fc.record({
    kind: fc.constant('attach' as const),
    workerEpoch: id,
    replyPartition: uint32,
    requests: fc.array(asked, { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('forget' as const),
    workerEpoch: id,
    requestIds: fc.array(id, { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('control' as const),
    workerEpoch: id,
    requestId: id,
    flowId: id,
    fence,
    command: fc.constant('cancel' as const),
    reason: text,
  }),
);
const replyTo = { worker: id, workerEpoch: id, requestId: id, delivery: uint32 };
const reply: fc.Arbitrary<ReplyMessage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('accepted' as const, 'unknown' as const), ...replyTo }),
  fc.record({
    kind: fc.constant('refused' as const),
    ...replyTo,
    reason: fc.constantFrom(
      'draining' as const,
      'no-such-task' as const,
      'overloaded' as const,
      'undecodable' as const,
    ),
  }),
  partly(
    fc.record({
      kind: fc.constant('progress' as const),
      ...replyTo,
      progress: fc.double({ min: 0, max: 1, noNaN: true }).map((it) => it + 0),
    }),
    { message: text },
  ),
  fc.record({ kind: fc.constant('result' as const), ...replyTo, outcome }),
  fc.record({
    kind: fc.constant('heartbeat' as const),
    worker: id,
    workerEpoch: id,
    running: fc.array(id, { maxLength: 5 }),
    free: uint32,
    draining: fc.boolean(),
  }),
) as fc.Arbitrary<ReplyMessage>;

const someHeader: WireHeader = { clusterId: 'k', sender: 'm', sentAtMs: 12.5 };
const accepted: ReplyMessage = {
  kind: 'accepted',
  worker: 'w',
  workerEpoch: 'e',
  requestId: 'f/a/execute/0.1',
  delivery: 1,
};
const codeThrown = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return codeOf(error) ?? error;
  }
  return 'nothing was thrown';
};
/** Decodes, or throws one of ours: everything else fails the test. */
const survives = (raw: Uint8Array) => {
  for (const decode of [decodeRequest, decodeReply]) {
    try {
      decode(raw);
    } catch (error) {
      if (familyOf(error) !== 'input') throw error;
    }
  }
};

describe('codecs', () => {
  it('give back every request they were given', () => {
    fc.assert(
      fc.property(request, header, (message, head) => {
        const decoded = decodeRequest(encodeRequest(message, head));
        expect(decoded.message).toEqual(message);
        expect(decoded.header).toEqual(
          message.kind === 'request' ? { ...head, sentAtMs: message.sentAtMs } : head,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('give back every reply they were given', () => {
    fc.assert(
      fc.property(reply, header, (message, head) => {
        expect(decodeReply(encodeReply(message, head))).toEqual({ message, header: head });
      }),
      { numRuns: 300 },
    );
  });

  it('keep 64-bit fences exact', () => {
    for (const zxid of [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const message: RequestMessage = {
        kind: 'attach',
        workerEpoch: 'e',
        replyPartition: 0,
        requests: [{ requestId: 'r', delivery: 1, flowId: 'f', fence: { generation: 0xffffffff, zxid } }],
      };
      expect(decodeRequest(encodeRequest(message, someHeader)).message).toEqual(message);
    }
  });

  it('refuse random bytes with an error of ours, and never crash', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 10_000 });
  });

  it('survive messages with some bytes changed, cut off or repeated', () => {
    const mutation = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.nat(), grow: fc.boolean() });
    // drawn beforehand: to make a message costs a hundred times what it takes to decode one
    const encoded = fc.constantFrom(
      ...fc.sample(request, { numRuns: 150, seed: 1 }).map((message) => encodeRequest(message, someHeader)),
      ...fc.sample(reply, { numRuns: 150, seed: 1 }).map((message) => encodeReply(message, someHeader)),
    );
    const property = fc.property(
      encoded,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (raw, changes) => {
        let bad = Uint8Array.from(raw);
        for (const { at, to, cut, grow } of changes) {
          bad[at % bad.length] = to;
          if (cut % 4 === 0)
            bad = grow ? Uint8Array.from([...bad, ...bad]) : bad.slice(0, 1 + (cut % bad.length));
        }
        survives(bad);
      },
    );
    fc.assert(property, { numRuns: 10_000 });
  });

  it('read a message of a newer sender, whose unknown fields survive', () => {
    const raw = encodeReply(accepted, someHeader);
    // field 1000, a text, at the end of the envelope
    const newer = Uint8Array.from([...raw, 0xc2, 0x3e, 3, 0x6e, 0x65, 0x77]);
    expect(decodeReply(newer).message).toEqual(accepted);
    const { $unknowns } = decodeKeepingUnknown(newer);
    expect($unknowns).toHaveLength(1);
    expect([...baton.v1.Envelope.encode(decodeKeepingUnknown(newer)).finish()]).toEqual([...newer]);
  });

  it('name a newer protocol version, an unknown kind and a kind of the other direction', () => {
    const envelope = (body: baton.v1.Envelope.$Properties) =>
      baton.v1.Envelope.encode({ protocolVersion: 1, clusterId: 'k', sender: 'm', ...body }).finish();
    const heartbeat = { worker: 'w', workerEpoch: 'e' };
    expect(codeThrown(() => decodeReply(envelope({ protocolVersion: 2, heartbeat })))).toBe(
      'BATON_INPUT_UNSUPPORTED',
    );
    expect(codeThrown(() => decodeReply(envelope({})))).toBe('BATON_INPUT_UNSUPPORTED');
    expect(codeThrown(() => decodeRequest(envelope({ heartbeat })))).toBe('BATON_INPUT_UNSUPPORTED');
    expect(() => decodeRequest(envelope({ heartbeat }))).toThrow(/heartbeat was received/);
    expect(codeThrown(() => decodeReply(envelope({ protocolVersion: 0, heartbeat })))).toBe(
      'BATON_INPUT_MALFORMED',
    );
    expect(decodeReply(envelope({ heartbeat })).message.kind).toBe('heartbeat');
  });

  it('refuse what lacks an id, a fence or an outcome', () => {
    const envelope = (body: baton.v1.Envelope.$Properties) =>
      baton.v1.Envelope.encode({ protocolVersion: 1, clusterId: 'k', sender: 'm', ...body }).finish();
    const of = { worker: 'w', workerEpoch: 'e', requestId: 'r' };
    for (const bad of [
      { accepted: {} },
      { accepted: { replyTo: { ...of, requestId: '' } } },
      { result: { replyTo: of } },
      { result: { replyTo: of, outcome: {} } },
      {
        result: {
          replyTo: of,
          outcome: { value: { contentType: 'application/json', body: Buffer.from('{') } },
        },
      },
    ])
      expect(codeThrown(() => decodeReply(envelope(bad)))).toBe('BATON_INPUT_MALFORMED');
    expect(codeThrown(() => decodeRequest(envelope({ control: { workerEpoch: 'e', command: 1 } })))).toBe(
      'BATON_INPUT_MALFORMED',
    );
  });
});

describe('limits', () => {
  const result = (data: JsonValue): ReplyMessage => ({
    ...accepted,
    kind: 'result',
    outcome: { value: { data } },
  });
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as JsonValue;

  it('take a message of the greatest size and refuse one byte more, in both directions', () => {
    const overhead = encodeReply(result('x'.repeat(900_000)), someHeader).length - 900_000;
    const greatest = 'x'.repeat(wireLimits.messageBytesMax - overhead);
    const raw = encodeReply(result(greatest), someHeader);
    expect(raw).toHaveLength(wireLimits.messageBytesMax);
    expect(decodeReply(raw).message).toEqual(result(greatest));
    expect(codeThrown(() => encodeReply(result(`${greatest}x`), someHeader))).toBe('BATON_INPUT_TOO_LARGE');
    expect(codeThrown(() => decodeReply(new Uint8Array(wireLimits.messageBytesMax + 1)))).toBe(
      'BATON_INPUT_TOO_LARGE',
    );
  });

  it('refuse JSON that nests too deep for its readers, and count no brackets inside texts', () => {
    expect(decodeReply(encodeReply(result(nested(512)), someHeader)).message).toEqual(result(nested(512)));
    expect(codeThrown(() => encodeReply(result(nested(513)), someHeader))).toBe('BATON_INPUT_TOO_LARGE');
    const brackets = '\\"['.repeat(2_000);
    expect(decodeReply(encodeReply(result(brackets), someHeader)).message).toEqual(result(brackets));
    const deep = baton.v1.Envelope.encode({
      protocolVersion: 1,
      clusterId: 'k',
      sender: 'm',
      result: {
        replyTo: { worker: 'w', workerEpoch: 'e', requestId: 'r' },
        outcome: { value: { contentType: 'application/json', body: Buffer.from('['.repeat(100_000)) } },
      },
    }).finish();
    expect(codeThrown(() => decodeReply(deep))).toBe('BATON_INPUT_MALFORMED');
  });

  it('refuse failures whose causes nest without end', () => {
    // a Failure whose field 13 holds a Failure whose field 13 …
    let failure = Buffer.alloc(0);
    for (let depth = 0; depth < 2_000; depth++) {
      const length: number[] = [];
      for (let rest = failure.length; ; rest >>>= 7) {
        if (rest < 128) {
          length.push(rest);
          break;
        }
        length.push((rest & 127) | 128);
      }
      failure = Buffer.concat([Buffer.from([(13 << 3) | 2, ...length]), failure]);
    }
    expect(() => baton.v1.Failure.decode(failure)).toThrow('max depth exceeded');
  });

  it('refuse what JSON cannot say, and more than 500 requests to attach to', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const data of [undefined, 1n, cycle])
      expect(codeThrown(() => encodeReply(result(data as never), someHeader))).toBe('BATON_INPUT_INVALID');
    const requests = Array.from({ length: 501 }, (_, n) => ({
      requestId: `r${n}`,
      delivery: 1,
      flowId: 'f',
      fence: { generation: 1, zxid: 1n },
    }));
    const attach: RequestMessage = { kind: 'attach', workerEpoch: 'e', replyPartition: 0, requests };
    expect(codeThrown(() => encodeRequest(attach, someHeader))).toBe('BATON_INPUT_TOO_LARGE');
  });

  it('refuse lists longer than any honest sender makes', () => {
    const raw = baton.v1.Envelope.encode({
      protocolVersion: 1,
      clusterId: 'k',
      sender: 'm',
      forget: { workerEpoch: 'e', requestIds: new Array<string>(wireLimits.listItemsMax + 1).fill('r') },
    }).finish();
    expect(codeThrown(() => decodeRequest(raw))).toBe('BATON_INPUT_MALFORMED');
  });
});

function decodeKeepingUnknown(raw: Uint8Array) {
  const reader = protobuf.Reader.create(raw);
  reader.discardUnknown = false;
  return baton.v1.Envelope.decode(reader);
}
