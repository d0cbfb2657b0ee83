import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeOf, type Failure, type TaskRequest } from '@baton/core';
import { task } from '@baton/flow';
import { fakeRuntime } from '@baton/testkit';
import type { AbortKind } from './abort-reason.js';
import type { AttemptEnd } from './attempt.js';
import type { FromHost, StartHost, ToHost } from './host-messages.js';
import { IsolatedAttempt } from './isolated-attempt.js';
import type { IsolatedTask } from './registered-task.js';
import { TaskHosts } from './task-hosts.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const runtime = fakeRuntime();
const { clock, logger } = runtime;

type Said = FromHost extends infer M
  ? M extends { readonly run: number }
    ? Omit<M, 'run'> & { readonly run?: number }
    : M
  : never;

/** A thread or process as a test plays it. */
class Host {
  readonly heard: ToHost[] = [];
  readonly #tell: (message: FromHost) => void;
  kills = 0;
  end!: (how: string) => void;
  readonly ended = new Promise<string>((resolve) => (this.end = resolve));

  constructor(
    readonly kind: string,
    onMessage: (message: FromHost) => void,
  ) {
    this.#tell = onMessage;
  }

  /** About the run it was told of last, unless the message says otherwise. */
  say(message: Said): void {
    const run = this.heard.at(-1)?.run;
    this.#tell({ run, ...message } as FromHost);
  }
}

let started: Host[];
/** Whether a host is ready at once. */
let isPrompt: boolean;
/** Whether one ends when it is killed. */
let isMortal: boolean;
let hosts: TaskHosts;
const start: StartHost = ({ isolation, module }, onMessage) => {
  const host = new Host(`${isolation} ${module}`, onMessage);
  started.push(host);
  if (isPrompt) host.say({ type: 'ready' });
  return {
    ended: host.ended,
    send: (message) => void host.heard.push(message),
    kill: () => {
      host.kills++;
      if (isMortal) host.end('killed');
    },
  };
};

const isolated = (isolation: 'thread' | 'process' = 'thread'): IsolatedTask => ({
  ...task('a', { isolation, execute: () => undefined }),
  isolation,
  module: '/m.mjs',
});

beforeEach(() => {
  started = [];
  isPrompt = true;
  isMortal = true;
  logger.lines.length = 0;
  hosts = new TaskHosts({ tasks: [isolated()], start, runtime });
});
afterEach(async () => {
  await hosts.close();
  expect(clock.pendingTimers).toBe(0);
});

const reported: [number, string | undefined][] = [];
const limits = { abortGraceMs: 10_000, payloadBytesMax: 100 };
const flush = () => clock.advance(0);

async function attempt(over: Partial<TaskRequest> = {}): Promise<{ attempt: IsolatedAttempt; host: Host }> {
  const started_ = new IsolatedAttempt({
    task: isolated(),
    hosts,
    request: { requestId: 'F/a/execute/2.3', action: 'execute', atom: 'a', ...over } as TaskRequest,
    worker: 'w',
    runtime,
    limits,
    onProgress: (fraction, message) => void reported.push([fraction, message]),
  });
  await flush();
  return { attempt: started_, host: started.at(-1) as Host };
}

const value = (data: string): AttemptEnd => ({
  outcome: { value: { data } },
  sizeBytes: 3,
  aborted: undefined,
});

function failureOf({ outcome }: AttemptEnd): Failure {
  if ('failure' in outcome) return outcome.failure;
  throw new Error(`it ended with ${JSON.stringify(outcome.value)}`);
}

describe('an isolated attempt', () => {
  it('runs in a host, passes on what it says, and gives it to the next', async () => {
    const first = await attempt();
    expect(first.host.heard).toMatchObject([{ type: 'run', worker: 'w', limits, request: { atom: 'a' } }]);
    first.host.say({ type: 'progress', fraction: 0.5, message: 'half' });
    first.host.say({ type: 'log', level: 'info', message: 'hello', fields: { n: 1 } });
    expect(reported).toEqual([[0.5, 'half']]);
    expect(logger.lines).toMatchObject([{ message: 'hello', fields: { n: 1 } }]);
    first.host.say({ type: 'ended', end: value('x') });
    expect(await first.attempt.ended).toEqual(value('x'));

    const second = await attempt();
    expect(second.host).toBe(first.host);
    second.host.say({ type: 'ended', end: value('y') });
    expect(await second.attempt.ended).toEqual(value('y'));
    expect(started.map(({ kind }) => kind)).toEqual(['thread /m.mjs']);
  });

  it('has a host of its own while another runs', async () => {
    const first = await attempt();
    const second = await attempt();
    expect(second.host).not.toBe(first.host);
    for (const { host } of [first, second]) host.say({ type: 'ended', end: value('x') });
    await Promise.all([first.attempt.ended, second.attempt.ended]);
  });

  it('tells its task of the time-out, and kills at once what does not answer', async () => {
    const { attempt: blocked, host } = await attempt({ timeoutMs: 5_000 });
    await clock.advance(5_000);
    expect(host.heard.at(-1)).toMatchObject({ type: 'abort', kind: 'timeout' });
    await clock.advance(999);
    expect(host.kills).toBe(0);
    await clock.advance(1);
    expect(host.kills).toBe(1);
    const end = await blocked.ended;
    expect(end.aborted).toBe('timeout');
    expect(failureOf(end)).toMatchObject({
      code: 'TIMEOUT',
      phase: 'execute',
      worker: 'w',
      retryable: true,
      message: 'a ran longer than its 5000 ms, and its thread was ended',
    });
  });

  it('leaves a task that answers the same grace as inline, then kills it', async () => {
    const { attempt: slow, host } = await attempt({ timeoutMs: 5_000 });
    await clock.advance(5_000);
    host.say({ type: 'told' });
    await clock.advance(9_999);
    expect(host.kills).toBe(0);
    await clock.advance(1);
    expect(host.kills).toBe(1);
    expect(failureOf(await slow.ended).code).toBe('TIMEOUT');
  });

  it('is over only when its host has ended: what comes next must not run beside it', async () => {
    const { attempt: one, host } = await attempt();
    isMortal = false;
    one.abort('cancel', 'enough');
    await clock.advance(1_000);
    expect(host.kills).toBe(1);
    let isOver = false;
    void one.ended.then(() => (isOver = true));
    await clock.advance(4_999);
    expect(isOver).toBe(false);
    isMortal = true;
    host.end('killed');
    await flush();
    expect(failureOf(await one.ended)).toMatchObject({ code: 'CANCELLED', retryable: false });
  });

  it.each<AbortKind>(['cancel', 'timeout', 'lost', 'drain'])(
    'takes what the task makes of being told to stop (%s)',
    async (kind) => {
      const { attempt: one, host } = await attempt();
      one.abort(kind, 'stop');
      one.abort('cancel', 'the first counts');
      host.say({ type: 'told' });
      host.say({ type: 'ended', end: { ...value('done all the same'), aborted: kind } });
      expect(await one.ended).toEqual({ ...value('done all the same'), aborted: kind });
      expect(host.heard.slice(1)).toEqual([{ type: 'abort', run: 1, kind, message: 'stop' }]);
      expect(host.kills).toBe(0);
    },
  );

  it('fails when its host ends under it, and the next has another', async () => {
    const { attempt: one, host } = await attempt();
    host.end('signal SIGSEGV');
    const end = await one.ended;
    expect(failureOf(end)).toMatchObject({
      code: 'WORKER_CRASH',
      message: 'a ended its thread: signal SIGSEGV',
      phase: 'execute',
      retryable: true,
    });
    expect(end.aborted).toBeUndefined();
    isPrompt = false;
    const next = await attempt();
    // what ended for want of memory must not be started twice
    expect(started).toHaveLength(2);
    next.host.say({ type: 'ready' });
    await flush();
    next.host.say({ type: 'ended', end: value('x') });
    await next.attempt.ended;
  });

  it('fails when no host gets ready, with the reason', async () => {
    isPrompt = false;
    const { attempt: one, host } = await attempt();
    host.say({ type: 'unfit', reason: 'native addon' });
    expect(failureOf(await one.ended)).toMatchObject({
      code: 'WORKER_CRASH',
      message: 'a has no thread to run in: native addon',
      // there is nothing to undo (E-861)
      phase: 'queue',
      retryable: true,
    });
    const { attempt: two, host: silent } = await attempt();
    await clock.advance(60_000);
    expect(silent.kills).toBe(1);
    expect(failureOf(await two.ended).message).toContain('not ready after 60000 ms');
  });

  it('is over at once when it is told to stop before it has a host, which serves the next', async () => {
    isPrompt = false;
    const { attempt: one, host } = await attempt({ timeoutMs: 5_000 });
    one.abort('drain', 'stop');
    const end = await one.ended;
    expect(end.aborted).toBe('drain');
    expect(failureOf(end)).toMatchObject({ code: 'WORKER_DRAINED', phase: 'queue' });
    host.say({ type: 'ready' });
    await flush();
    const next = await attempt();
    expect(next.host).toBe(host);
    expect(host.heard).toMatchObject([{ type: 'run' }]);
    host.say({ type: 'ended', end: value('x') });
    await next.attempt.ended;
  });

  it('hears nothing of an earlier attempt', async () => {
    const first = await attempt();
    first.host.say({ type: 'ended', end: value('x') });
    first.host.say({ type: 'ended', end: value('again') });
    first.host.say({ type: 'progress', fraction: 1, message: 'late' });
    expect(await first.attempt.ended).toEqual(value('x'));
    expect(reported).not.toContainEqual([1, 'late']);
    first.attempt.abort('cancel', 'late');
    expect(first.host.heard).toHaveLength(1);
  });

  it('is not ended for what was said of the one before: an order to stop and an end may cross', async () => {
    const first = await attempt({ timeoutMs: 5_000 });
    await clock.advance(5_000);
    const { host } = first;
    expect(host.heard.at(-1)).toMatchObject({ type: 'abort', run: 1 });
    host.say({ type: 'ended', end: value('x') });
    await first.attempt.ended;
    const second = await attempt({ timeoutMs: 3_600_000 });
    expect(host.heard.at(-1)).toMatchObject({ type: 'run', run: 2 });
    host.say({ type: 'told', run: 1 });
    host.say({ type: 'progress', run: 1, fraction: 1, message: 'of the first' });
    host.say({ type: 'ended', run: 1, end: value('of the first') });
    await clock.advance(60_000);
    expect(host.kills).toBe(0);
    expect(reported).not.toContainEqual([1, 'of the first']);
    host.say({ type: 'ended', end: value('y') });
    expect(await second.attempt.ended).toEqual(value('y'));
  });

  it('is not kept by its host, which may live for weeks: neither are its arguments', async () => {
    const kept: WeakRef<object>[] = [];
    const one = async (how: 'ends' | 'is stopped') => {
      const args = { big: { data: [kept.length] } };
      kept.push(new WeakRef(args));
      const { attempt: it, host } = await attempt({ args });
      if (how === 'is stopped') it.abort('cancel', 'enough');
      host.say({ type: 'ended', end: value('x') });
      await it.ended;
      host.heard.length = 0;
    };
    for (let n = 0; n < 20; n++) await one(n % 2 === 0 ? 'ends' : 'is stopped');
    expect(started).toHaveLength(1);
    // what a turn has looked at lives until its end
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(kept.filter((ref) => ref.deref() !== undefined)).toEqual([]);
  });
});

describe('hosts', () => {
  it('that were killed serve nobody, although their task ended at the last moment', async () => {
    const { attempt: one, host } = await attempt();
    isMortal = false;
    one.abort('cancel', 'enough');
    host.say({ type: 'told' });
    await clock.advance(10_000);
    expect(host.kills).toBe(1);
    host.say({ type: 'ended', end: value('x') });
    expect(await one.ended).toEqual(value('x'));
    const next = await attempt();
    expect(next.host).not.toBe(host);
    host.end('killed');
    next.host.say({ type: 'ended', end: value('y') });
    isMortal = true;
  });

  it('that go on after their kill are told, so that their place is not lost for ever, and keep no close from its end', async () => {
    const { attempt: before, host } = await attempt({ task: 'a' });
    host.say({ type: 'ended', end: value('x') });
    await before.ended;
    const { attempt: one } = await attempt({ task: 'b' });
    const other = await attempt();
    isMortal = false;
    one.abort('cancel', 'enough');
    await clock.advance(5_999);
    expect(hosts.stuck.aborted).toBe(false);
    await clock.advance(1);
    expect(hosts.stuck.reason).toMatchObject({
      code: 'BATON_UNAVAILABLE_TASK_STUCK',
      message: 'the thread that runs task b goes on 5000 ms after its kill, and ends with its worker only',
    });
    expect(logger.messages('error')).toEqual(['task-host.stuck']);
    // as if its worker were gone: a failure of the task would have it undone beside what goes on
    expect((await one.ended).aborted).toBe('lost');

    // the others are waited for all the same
    let isClosed = false;
    void hosts.close().then(() => (isClosed = true));
    await clock.advance(4_000);
    expect(isClosed).toBe(false);
    other.host.end('killed');
    await flush();
    expect(isClosed).toBe(true);
    expect(failureOf(await other.attempt.ended).code).toBe('WORKER_CRASH');
    expect([host.kills, logger.messages('error').length]).toEqual([2, 1]);
  });

  it('are one of each that is needed, from the start', async () => {
    const both = new TaskHosts({
      tasks: [isolated(), isolated('process'), isolated(), task('b', { execute: () => 1 })],
      start,
      runtime,
    });
    await both.open();
    expect(started.map(({ kind }) => kind)).toEqual(['thread /m.mjs', 'process /m.mjs']);
    await both.close();
    expect(started.map(({ kills }) => kills)).toEqual([1, 1]);
  });

  it('that cannot load their module end the start, with the reason', async () => {
    isPrompt = false;
    const opened = hosts.open();
    await flush();
    started[0]?.say({ type: 'unfit', reason: 'native addon' });
    await expect(opened).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: 'module /m.mjs does not get ready in a thread, as task a wants it: native addon',
    });
  });

  it('are ended when nothing needs them for a minute, but for the last', async () => {
    const attempts = [await attempt(), await attempt(), await attempt()];
    for (const { host } of attempts) host.say({ type: 'ended', end: value('x') });
    await clock.advance(60_000);
    expect(started.map(({ kills }) => kills)).toEqual([1, 1, 0]);
    const { host } = await attempt();
    expect(host).toBe(started[2]);
    host.say({ type: 'ended', end: value('x') });
  });

  it('that end while they are idle are not used again', async () => {
    const first = await attempt();
    first.host.say({ type: 'ended', end: value('x') });
    first.host.end('exit code 1');
    await flush();
    const second = await attempt();
    expect(second.host).not.toBe(first.host);
    second.host.say({ type: 'ended', end: value('x') });
  });

  it('are not there for a worker that cannot start them, or does not know the module', () => {
    const without = () => new TaskHosts({ tasks: [isolated()], start: undefined, runtime });
    expect(without).toThrow(expect.objectContaining({ message: expect.stringContaining('`startHost`') }));
    const { module: _, ...unknown } = isolated();
    let thrown: unknown;
    try {
      new TaskHosts({ tasks: [unknown], start, runtime });
    } catch (error) {
      thrown = error;
    }
    expect(codeOf(thrown)).toBe('BATON_INPUT_INVALID');
    expect(thrown).toMatchObject({ message: expect.stringContaining('loadTasks') });
  });
});
