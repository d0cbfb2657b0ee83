import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeOf, type Failure, type InlineValue, type TaskRequest } from '@baton/core';
import { task, type RevertContext, type TaskContext } from '@baton/flow';
import { fakeRuntime } from '@baton/testkit';
import { z } from 'zod';
import { Attempt, type AttemptEnd } from './attempt.js';
import type { RegisteredTask } from './registered-task.js';

const runtime = fakeRuntime();
const { clock, logger } = runtime;
const never = () => new Promise<never>(() => undefined);

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => {
  logger.lines.length = 0;
  process.on('unhandledRejection', onUnhandled);
});
afterEach(async () => {
  await clock.advance(60_000);
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled.splice(0)).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

const requestOf = (over: Partial<TaskRequest> = {}): TaskRequest => ({
  kind: 'request',
  requestId: 'F/a/execute/2.3',
  delivery: 4,
  flowId: 'F',
  atom: 'a',
  action: 'execute',
  fence: { generation: 0, zxid: 5n },
  workerEpoch: 'e',
  replyPartition: 0,
  task: 'a',
  taskVersion: '1.0',
  attempt: 3,
  round: 2,
  args: {},
  sentAtMs: 0,
  forget: [],
  ...over,
});

function start(
  execute: (args: never, context: TaskContext) => unknown,
  over: Partial<TaskRequest> = {},
  provides?: string | readonly string[],
) {
  return startTask(task('a', { execute, ...(provides !== undefined && { provides }) }), over);
}

const reported: [number, string | undefined][] = [];

function startTask(registered: RegisteredTask, over: Partial<TaskRequest> = {}) {
  return new Attempt({
    task: registered,
    request: requestOf(over),
    worker: 'w',
    runtime,
    limits: { abortGraceMs: 10_000, payloadBytesMax: 100 },
    onProgress: (fraction, message) => void reported.push([fraction, message]),
  });
}

function failureOf({ outcome }: AttemptEnd): Failure {
  if ('failure' in outcome) return outcome.failure;
  throw new Error(`it ended with ${JSON.stringify(outcome.value)}`);
}

const data = (value: InlineValue): AttemptEnd['outcome'] => ({ value });

describe('an attempt that ends well', () => {
  it('gives what the task returns, at once or later, JSON or bytes', async () => {
    expect(await start(() => ({ ip: '10.0.0.1' })).ended).toEqual({
      outcome: data({ data: { ip: '10.0.0.1' } }),
      sizeBytes: 17,
      aborted: undefined,
    });
    expect((await start(async () => [1]).ended).outcome).toEqual(data({ data: [1] }));
    expect((await start(() => undefined).ended).outcome).toEqual(data({ data: null }));
    expect((await start(() => Uint8Array.of(1, 2)).ended).outcome).toEqual(data({ bytes: 'AQI=' }));
  });

  it('gives arguments by name: decoded, checked and transformed by their schemas, frozen', async () => {
    const seen: unknown[] = [];
    const registered = task('a', {
      requires: { size: z.coerce.number(), blob: z.any() },
      optional: { note: z.string(), absent: z.string() },
      execute: (args) => void seen.push(args, Object.isFrozen(args)),
    });
    const args = { size: { data: '20' }, blob: { bytes: 'AQI=' }, note: { data: 'n' }, extra: { data: 1 } };
    await startTask(registered, { args }).ended;
    expect(seen).toEqual([{ size: 20, blob: Uint8Array.of(1, 2), note: 'n', extra: 1 }, true]);
  });

  it('gives a small frozen context', async () => {
    let seen: TaskContext | undefined;
    await start((_, context) => void (seen = context), { timeoutMs: 5_000 }).ended;
    expect(seen).toMatchObject({
      flowId: 'F',
      atom: 'a',
      attempt: 3,
      round: 2,
      requestId: 'F/a/execute/2.3',
      delivery: 4,
      fence: { generation: 0, zxid: 5n },
      idempotencyKey: 'F/a/execute/2',
      deadline: clock.wallMs() + 5_000,
      worker: 'w',
    });
    expect(Object.isFrozen(seen)).toBe(true);
    expect(seen?.signal.aborted).toBe(false);
    seen?.log.info('hello', { extra: 1 });
    expect(logger.lines.at(-1)).toMatchObject({
      message: 'hello',
      fields: { requestId: 'F/a/execute/2.3', extra: 1 },
    });
  });

  it('gives revert what execute came to and the failures of the flow', async () => {
    const seen: RevertContext<unknown>[] = [];
    const registered = task('a', {
      execute: () => 1,
      revert: (_, context) => void seen.push(context as RevertContext<unknown>),
    });
    const failure: Failure = { version: 1, message: 'm', types: ['Error'], retryable: true };
    const revert = { action: 'revert' as const };
    await startTask(registered, { ...revert, result: { value: { bytes: 'AQI=' } } }).ended;
    await startTask(registered, { ...revert, result: { failure }, flowFailures: { b: failure } }).ended;
    await startTask(registered, revert).ended;
    expect(seen.map(({ result, flowFailures }) => [result, flowFailures])).toEqual([
      [Uint8Array.of(1, 2), {}],
      [failure, { b: failure }],
      [undefined, {}],
    ]);
    expect((await start(() => 1, revert).ended).outcome).toEqual(data({ data: null }));
  });

  it('clamps progress, and takes none after the end', async () => {
    reported.length = 0;
    let late: (() => void) | undefined;
    await start((_, { progress }) => {
      progress(0.5, 'half');
      progress(7);
      progress(Number.NaN);
      progress('x' as never, {} as never);
      late = () => progress(1);
    }).ended;
    late?.();
    expect(reported).toEqual([
      [0.5, 'half'],
      [1, undefined],
      [0, undefined],
      [0, undefined],
    ]);
  });
});

describe('an attempt that fails', () => {
  const place = { atom: 'a', attempt: 3, round: 2, worker: 'w' };

  it('turns whatever is thrown into a failure with its place', async () => {
    const coded = Object.assign(new TypeError('no room'), { code: 'QUOTA' });
    expect(failureOf(await start(() => Promise.reject(coded)).ended)).toMatchObject({
      ...place,
      phase: 'execute',
      message: 'no room',
      code: 'QUOTA',
      types: ['TypeError', 'Error'],
      retryable: true,
    });
    const thrown = (what: unknown) =>
      start(() => {
        throw what;
      }).ended;
    expect(failureOf(await thrown('just text'))).toMatchObject({ ...place, message: 'just text' });
    expect(failureOf(await thrown(undefined))).toMatchObject({ message: 'undefined' });
    expect(failureOf(await thrown(Object.freeze({ retryable: false })))).toMatchObject({ retryable: false });
  });

  it('keeps a revert done that returns what cannot be stored', async () => {
    const registered = task('a', { execute: () => 1, revert: () => new Map() });
    const end = await startTask(registered, { action: 'revert' }).ended;
    expect(end.outcome).toEqual({ value: { data: null } });
  });

  it('names the phase of a failed revert', async () => {
    const registered = task('a', { execute: () => 1, revert: () => Promise.reject(new Error('stuck')) });
    const end = await startTask(registered, { action: 'revert' }).ended;
    expect(failureOf(end)).toMatchObject({ ...place, phase: 'revert', message: 'stuck' });
  });

  it('never calls the task with arguments that are missing or wrong, and says all of it', async () => {
    let called = false;
    const registered = task('a', {
      requires: { size: z.object({ gb: z.number() }), net: z.string() },
      optional: { note: z.string() },
      execute: () => void (called = true),
    });
    const args = { size: { data: { gb: 'x' } }, note: { data: 1 } };
    const failure = failureOf(await startTask(registered, { args }).ended);
    expect(failure).toMatchObject({
      ...place,
      code: 'ARGUMENTS_INVALID',
      phase: 'arguments',
      retryable: false,
    });
    expect(failure.message).toMatch(/size\.gb: .*; net is missing|note: .*size\.gb: .*; net is missing/);
    expect(called).toBe(false);
  });

  it('survives a schema that throws', async () => {
    const broken = z.string().transform(() => {
      throw new Error('schema bug');
    });
    const registered = task('a', { requires: { x: broken }, execute: () => 1 });
    const failure = failureOf(await startTask(registered, { args: { x: { data: 'x' } } }).ended);
    expect(failure).toMatchObject({ phase: 'arguments', message: expect.stringContaining('schema bug') });
  });

  it('refuses results that are not data, too large, or lack what was promised', async () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const result = { ...place, phase: 'result' };
    expect(failureOf(await start(() => cyclic).ended)).toMatchObject({
      ...result,
      code: 'RESULT_NOT_SERIALISABLE',
      message: 'a must return JSON data or a Uint8Array: result.self is cyclic',
    });
    expect((await start(() => 'x'.repeat(98)).ended).sizeBytes).toBe(100);
    expect(failureOf(await start(() => 'x'.repeat(99)).ended)).toMatchObject({
      ...result,
      code: 'RESULT_TOO_LARGE',
    });
    const promised = ['id', 'ip'];
    expect('value' in (await start(() => ({ id: 1, ip: 2, more: 3 }), {}, promised).ended).outcome).toBe(
      true,
    );
    expect(failureOf(await start(() => ({ id: 1, ip: undefined }), {}, promised).ended)).toMatchObject({
      ...result,
      code: 'RESULT_SHAPE',
      message: 'a promises ip and did not return it',
    });
    expect(failureOf(await start(() => undefined, {}, promised).ended)).toMatchObject({
      code: 'RESULT_SHAPE',
    });
    expect('value' in (await start(() => undefined, {}, 'whole').ended).outcome).toBe(true);
  });

  it('keeps a failure small enough to be sent', async () => {
    const causes = (depth: number): Error =>
      new Error('m'.repeat(8_000), depth > 0 ? { cause: causes(depth - 1) } : {});
    const end = await start(() => Promise.reject(causes(15))).ended;
    expect(end.sizeBytes).toBeLessThan(64 * 1024);
    expect(failureOf(end).causes).toBeUndefined();
  });
});

describe('an attempt that is told to stop', () => {
  const reasonOf = (signal: AbortSignal | undefined) => codeOf(signal?.reason);

  it('gives a task that asks late a signal that is aborted already, and always the same one', async () => {
    let context: TaskContext | undefined;
    const attempt = start((_, given) => {
      context = given;
      return never();
    });
    await clock.settle();
    attempt.abort('cancel', 'no longer wanted');
    const signal = context?.signal;
    expect(signal?.aborted).toBe(true);
    expect(reasonOf(signal)).toBe('BATON_CONFLICT_CANCELLED');
    expect(context?.signal).toBe(signal);
    await clock.advance(10_000);
    await attempt.ended;
  });

  it('fails with TIMEOUT after the grace although the task never returns', async () => {
    let signal: AbortSignal | undefined;
    const { ended } = start(
      (_, context) => {
        ({ signal } = context);
        return never();
      },
      { timeoutMs: 1_000 },
    );
    await clock.advance(999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(reasonOf(signal)).toBe('BATON_UNAVAILABLE_DEADLINE');
    await clock.advance(10_000);
    const end = await ended;
    expect(end.aborted).toBe('timeout');
    expect(failureOf(end)).toMatchObject({ code: 'TIMEOUT', phase: 'execute', retryable: true });
  });

  it('fails with TIMEOUT as soon as the task gives way, what it threw as the cause', async () => {
    const { ended } = start(
      (_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('stopped'))),
        ),
      { timeoutMs: 1_000 },
    );
    await clock.advance(1_000);
    expect(failureOf(await ended)).toMatchObject({ code: 'TIMEOUT', causes: [{ message: 'stopped' }] });
  });

  it('does not repeat the reason as its own cause', async () => {
    const { ended } = start(
      (_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
      { timeoutMs: 1_000 },
    );
    await clock.advance(1_000);
    expect(failureOf(await ended)).not.toHaveProperty('causes');
  });

  it('takes a value that comes within the grace: the work is done', async () => {
    const { ended } = start(
      (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('done'))),
      { timeoutMs: 1_000 },
    );
    await clock.advance(1_000);
    expect(await ended).toMatchObject({ outcome: { value: { data: 'done' } }, aborted: 'timeout' });
  });

  it('is over once it is given up: a late rejection or value is logged and dropped', async () => {
    for (const late of [() => Promise.reject(new Error('late')), () => 'late']) {
      logger.lines.length = 0;
      const { ended } = start(
        () => new Promise((resolve) => clock.setTimer(30_000, () => resolve(undefined))).then(late),
        { timeoutMs: 1_000 },
      );
      await clock.advance(11_000);
      expect(failureOf(await ended)).toMatchObject({ code: 'TIMEOUT' });
      await clock.advance(30_000);
      expect(logger.messages('warn')).toEqual(['task given up', 'task ended after it had been given up']);
    }
  });

  it('does not begin when it is told to stop before', async () => {
    let begun = false;
    const attempt = start(() => void (begun = true));
    attempt.abort('cancel', 'enough');
    // there is nothing to undo (E-861)
    expect(failureOf(await attempt.ended)).toMatchObject({ code: 'CANCELLED', phase: 'queue' });
    expect(begun).toBe(false);
    const undoing = startTask(task('a', { execute: () => 1, revert: () => 1 }), { action: 'revert' });
    undoing.abort('cancel', 'enough');
    expect(failureOf(await undoing.ended)).toMatchObject({ code: 'CANCELLED', phase: 'revert' });
  });

  it('has not begun when a schema takes for ever, and does not begin later', async () => {
    let begun = false;
    let goOn: (value: string) => void = () => undefined;
    const slow = z.string().transform(() => new Promise<string>((resolve) => (goOn = resolve)));
    const registered = task('a', { requires: { x: slow }, execute: () => void (begun = true) });
    const { ended } = startTask(registered, { args: { x: { data: 'x' } }, timeoutMs: 1_000 });
    await clock.advance(11_000);
    expect(failureOf(await ended)).toMatchObject({ code: 'TIMEOUT', phase: 'queue' });
    goOn('x');
    await clock.settle();
    expect(begun).toBe(false);
  });

  it('counts the first reason, and not what comes after the end', async () => {
    let signal: AbortSignal | undefined;
    const attempt = start((_, context) => {
      ({ signal } = context);
      return never();
    });
    await clock.settle();
    attempt.abort('cancel', 'enough');
    attempt.abort('lost', 'later');
    expect(reasonOf(signal)).toBe('BATON_CONFLICT_CANCELLED');
    await clock.advance(10_000);
    expect(failureOf(await attempt.ended)).toMatchObject({
      code: 'CANCELLED',
      message: 'enough',
      retryable: false,
    });
    const over = start(() => 1);
    await over.ended;
    over.abort('cancel', 'too late');
    expect(clock.pendingTimers).toBe(0);
  });
});
