import { afterEach, describe, expect, it } from '@jest/globals';
import {
  UnavailableError,
  requestIdOf,
  type ReplyMessage,
  type RequestMessage,
  type SessionToken,
  type TaskRequest,
  type WorkerInfo,
} from '@baton/core';
import { task, type TaskContext } from '@baton/flow';
import { JobBoard } from '@baton/jobboard';
import {
  SimulatedCoordination,
  SimulatedPartitionLog,
  fakeRuntime,
  type FakeClock,
  type TestRuntime,
} from '@baton/testkit';
import { Inbox, Outbox, ensureTopics } from '@baton/transport';
import type { StartHost } from './host-messages.js';
import type { RegisteredTask } from './registered-task.js';
import { createWorker, type Worker, type WorkerDeps, type WorkerEnd } from './worker.js';

const PREFIX = 't';
const SLOTS = { requestSlots: 4, replySlots: 2 };

/** A task whose runs the test ends by hand. */
class Gate {
  readonly runs: { readonly context: TaskContext; end(value: unknown): void; fail(error: Error): void }[] =
    [];
  readonly task: RegisteredTask = task('gate', {
    execute: (_, context) =>
      new Promise((end, fail) => {
        this.runs.push({ context, end, fail });
      }),
  });
}

const echo: RegisteredTask = task('echo', { execute: (args) => args });

/** One cluster, one conductor that only sends and listens, and workers under test; everything simulated. */
class Cluster {
  readonly runtime: TestRuntime<FakeClock> = fakeRuntime();
  readonly clock = this.runtime.clock;
  readonly coordination = new SimulatedCoordination(this.runtime);
  readonly log = new SimulatedPartitionLog(this.runtime);
  readonly replies: ReplyMessage[] = [];
  readonly tokens: SessionToken[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];
  board!: JobBoard;
  #outbox!: Outbox;

  static async open(): Promise<Cluster> {
    const cluster = new Cluster();
    await cluster.clock.drive(cluster.#open());
    return cluster;
  }

  async #open() {
    const { runtime, log, coordination } = this;
    const session = await coordination.connect({ timeoutMs: 600_000 });
    this.board = await JobBoard.open({ session, board: 'b', runtime, memberId: 'conductor' });
    await ensureTopics(log, PREFIX, SLOTS);
    const { clusterId } = this.board;
    this.#outbox = await Outbox.open({ log, prefix: PREFIX, runtime, sender: 'conductor', clusterId });
    const inbox = await Inbox.openReplies({
      log,
      prefix: PREFIX,
      partition: 1,
      runtime,
      clusterId,
      onMessages: (messages) => this.replies.push(...messages.map(({ message }) => message)),
      onPoison: ({ reason }) => {
        throw reason;
      },
    });
    this.#ends.push(
      () => this.#outbox.close({ deadlineMs: 0 }),
      () => inbox.close(),
      () => this.board.close(),
    );
  }

  create(tasks: RegisteredTask[], over: Partial<WorkerDeps> = {}): Worker {
    return createWorker({
      tasks,
      runtime: this.runtime,
      coordination: this.coordination,
      log: this.log,
      prefix: PREFIX,
      board: 'b',
      member: { id: 'w1', host: 'h', pid: 1, version: '0.1.0' },
      onSession: (token) => this.tokens.push(token),
      ...over,
      options: { concurrency: 2, ...SLOTS, ...over.options },
    });
  }

  worker(tasks: RegisteredTask[], over: Partial<WorkerDeps> = {}) {
    const stop = new AbortController();
    const worker = this.create(tasks, over);
    const ended = worker.run({ signal: stop.signal });
    this.#ends.unshift(async () => {
      stop.abort();
      await ended;
    });
    return { worker, stop, ended };
  }

  async ready(worker: Worker) {
    await this.clock.advanceUntil(() => worker.status.state === 'ready');
    const { epoch = '', requestPartition = -1 } = worker.status.incarnation ?? {};
    return { epoch, requestPartition };
  }

  members() {
    return this.clock.drive(this.board.members('worker'));
  }

  async send(to: { epoch: string; requestPartition: number }, message: Draft) {
    const common = { workerEpoch: to.epoch, replyPartition: 1 };
    this.#outbox.sendRequest(to.requestPartition, { ...common, ...message } as RequestMessage);
    await this.clock.advance(20);
  }

  told(kind?: ReplyMessage['kind']) {
    return this.replies.filter((reply) => kind === undefined || reply.kind === kind);
  }

  async end() {
    for (const end of this.#ends) await this.clock.drive(end());
    await this.clock.drive(this.log.close());
    // the grace of tasks that were told to stop and never end
    await this.clock.advance(10_000);
    expect(this.clock.pendingTimers).toBe(0);
    expect(this.coordination.service.openSessions).toBe(0);
  }
}

type Draft = RequestMessage extends infer M
  ? M extends RequestMessage
    ? Omit<M, 'workerEpoch' | 'replyPartition'>
    : never
  : never;

const fence = { generation: 0, zxid: 7n };
const idOf = (atom: string) => requestIdOf({ flowId: 'F', atom, action: 'execute', round: 0, attempt: 1 });

function request(atom: string, over: Partial<TaskRequest> = {}): Draft {
  return {
    kind: 'request',
    requestId: idOf(atom),
    delivery: 1,
    flowId: 'F',
    atom,
    action: 'execute',
    fence,
    task: 'gate',
    taskVersion: '1.0',
    attempt: 1,
    round: 0,
    args: {},
    sentAtMs: 0,
    forget: [],
    ...over,
  };
}

const attach = (atom: string): Draft => ({
  kind: 'attach',
  requests: [{ requestId: idOf(atom), delivery: 1, flowId: 'F', fence }],
});

let cluster: Cluster;
afterEach(() => cluster.end());

async function loseSession(): Promise<void> {
  const token = cluster.tokens.at(-1);
  if (token === undefined) throw new Error('no session yet');
  await cluster.clock.drive(cluster.coordination.endSession(token, { timeoutMs: 1_000 }));
}

const stuck: RegisteredTask = {
  ...task('stuck', { isolation: 'thread', execute: () => undefined }),
  module: '/m.mjs',
};
/** A thread that is for ever in one native call: it never answers, and its kill changes nothing. */
const immortal: StartHost = (_, onMessage) => {
  onMessage({ type: 'ready' });
  return { ended: new Promise(() => undefined), send: () => undefined, kill: () => undefined };
};

describe('a worker', () => {
  it('announces itself, runs what it is sent, and answers once without further notices', async () => {
    cluster = await Cluster.open();
    const { worker } = cluster.worker([echo]);
    const to = await cluster.ready(worker);
    const [member] = await cluster.members();
    expect(member).toMatchObject({
      kind: 'worker',
      id: 'w1',
      epoch: to.epoch,
      requestPartition: to.requestPartition,
      concurrency: 2,
      tasks: [{ name: 'echo', version: '1.0' }],
    } satisfies Partial<WorkerInfo> & { epoch: string });
    expect(cluster.tokens).toHaveLength(1);
    await cluster.send(to, request('a', { task: 'echo', args: { x: { data: 1 } } }));
    await cluster.clock.advance(1_000);
    expect(cluster.told()).toMatchObject([
      { kind: 'result', requestId: idOf('a'), worker: 'w1', outcome: { value: { data: { x: 1 } } } },
    ]);
    expect(worker.status.incarnation).toMatchObject({ keptResults: 1, running: 0, free: 2 });
    await cluster.send(to, { kind: 'forget', requestIds: [idOf('a')] });
    expect(worker.status.incarnation).toMatchObject({ keptResults: 0, keptBytes: 0 });
  });

  it('starts reading at the end: what lies in its inbox from before is not run', async () => {
    cluster = await Cluster.open();
    for (let requestPartition = 0; requestPartition < 4; requestPartition++)
      await cluster.send({ epoch: '1', requestPartition }, request('old'));
    const gate = new Gate();
    await cluster.ready(cluster.worker([gate.task]).worker);
    await cluster.clock.advance(1_000);
    expect(gate.runs).toEqual([]);
  });

  it('misses no request that is sent as soon as it can be seen, before it knows its own epoch', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const coordination = {
      connect: async (options: { readonly timeoutMs: number }) => {
        const session = await cluster.coordination.connect(options);
        const exists = session.exists.bind(session);
        session.exists = async (path, watcher) => {
          if (path.startsWith('/members/')) await held;
          return exists(path, watcher);
        };
        return session;
      },
      endSession: () => Promise.resolve(),
    };
    const { worker } = cluster.worker([gate.task], { coordination });
    await cluster.clock.advance(100);
    const [member] = await cluster.members();
    if (member?.kind !== 'worker') throw new Error('it has not announced itself');
    await cluster.send(member, request('early'));
    expect([worker.status.state, gate.runs.length]).toEqual(['opening', 0]);
    goOn();
    await cluster.ready(worker);
    expect(gate.runs).toHaveLength(1);
  });

  it('says that it has a request after 100 ms, what it runs every 5 s, and its progress at most every 200 ms', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const { worker } = cluster.worker([gate.task]);
    const to = await cluster.ready(worker);
    await cluster.send(to, request('a'));
    expect(cluster.told()).toEqual([]);
    await cluster.clock.advance(100);
    expect(cluster.told()).toMatchObject([{ kind: 'accepted', requestId: idOf('a'), delivery: 1 }]);
    for (const fraction of [0.1, 0.2, 0.3]) gate.runs[0]?.context.progress(fraction, 'm');
    await cluster.clock.advance(300);
    expect(cluster.told('progress')).toMatchObject([{ progress: 0.1, message: 'm' }, { progress: 0.3 }]);
    await cluster.clock.advance(5_000);
    expect(cluster.told('heartbeat')).toMatchObject([
      { running: [idOf('a')], free: 1, draining: false, workerEpoch: to.epoch },
    ]);
    gate.runs[0]?.end('x');
    await cluster.clock.advance(10_000);
    expect(cluster.told('heartbeat').length).toBeLessThanOrEqual(2);
    expect(cluster.told('result')).toHaveLength(1);
  });

  it('runs no more than its concurrency at a time, the rest in order', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const { worker } = cluster.worker([gate.task]);
    const to = await cluster.ready(worker);
    for (const atom of ['a', 'b', 'c', 'd']) await cluster.send(to, request(atom));
    const begun = () => gate.runs.map(({ context }) => context.atom);
    expect(begun()).toEqual(['a', 'b']);
    expect(worker.status.incarnation).toMatchObject({ running: 2, waiting: 2, free: 0 });
    await cluster.send(to, {
      kind: 'control',
      requestId: idOf('c'),
      flowId: 'F',
      fence,
      command: 'cancel',
      reason: 'r',
    });
    gate.runs[0]?.end(1);
    await cluster.clock.advance(20);
    expect(begun()).toEqual(['a', 'b', 'd']);
    expect(cluster.told('result')).toMatchObject([
      { requestId: idOf('c'), outcome: { failure: { code: 'CANCELLED' } } },
      { requestId: idOf('a') },
    ]);
  });

  it('tells a new owner what it knows: running, finished, or nothing', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const to = await cluster.ready(cluster.worker([gate.task]).worker);
    await cluster.send(to, request('runs'));
    await cluster.send(to, request('done'));
    gate.runs[1]?.end('d');
    await cluster.clock.advance(200);
    cluster.replies.length = 0;
    for (const atom of ['runs', 'done', 'lost']) await cluster.send(to, attach(atom));
    await cluster.send(to, request('lost'));
    expect(cluster.told().map(({ kind }) => kind)).toEqual(['accepted', 'result', 'unknown']);
    expect(gate.runs).toHaveLength(2);
  });

  it('aborts the signal of a cancelled task and still answers', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const to = await cluster.ready(cluster.worker([gate.task]).worker);
    await cluster.send(to, request('a'));
    await cluster.send(to, {
      kind: 'control',
      requestId: idOf('a'),
      flowId: 'F',
      fence,
      command: 'cancel',
      reason: 'r',
    });
    const [run] = gate.runs;
    expect(run?.context.signal.reason).toMatchObject({ code: 'BATON_CONFLICT_CANCELLED', message: 'r' });
    run?.end('was done already');
    await cluster.clock.advance(20);
    expect(cluster.told('result')).toMatchObject([{ outcome: { value: { data: 'was done already' } } }]);
  });
});

describe('a worker that drains', () => {
  it('stays registered until what runs has answered; hands back what waits, refuses what comes', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const { worker, stop, ended } = cluster.worker([gate.task], { options: { concurrency: 1 } });
    const to = await cluster.ready(worker);
    await cluster.send(to, request('runs'));
    await cluster.send(to, request('waits'));
    stop.abort();
    await cluster.clock.advance(50);
    await cluster.send(to, request('late'));
    expect(cluster.told('refused')).toMatchObject([
      { requestId: idOf('waits'), reason: 'draining' },
      { requestId: idOf('late'), reason: 'draining' },
    ]);
    expect(cluster.told('heartbeat')).toMatchObject([{ running: [idOf('runs')], draining: true }]);
    expect(await cluster.members()).toHaveLength(1);
    gate.runs[0]?.end('x');
    expect(await cluster.clock.drive(ended)).toEqual({ drained: true, handedBack: 1 } satisfies WorkerEnd);
    expect(await cluster.members()).toEqual([]);
    expect(cluster.told('result')).toHaveLength(1);
    expect(worker.status.state).toBe('stopped');
  });

  it('tells what runs too long to stop, takes its value, and hands back what fails for that or never ends', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const { worker, stop, ended } = cluster.worker([gate.task], {
      options: { concurrency: 3, drainTimeoutMs: 1_000 },
    });
    const to = await cluster.ready(worker);
    for (const atom of ['value', 'failure', 'never']) await cluster.send(to, request(atom));
    stop.abort();
    await cluster.clock.advance(700);
    expect(gate.runs[0]?.context.signal.aborted).toBe(false);
    await cluster.clock.advance(100);
    expect(gate.runs[0]?.context.signal.reason).toMatchObject({ code: 'BATON_UNAVAILABLE_DRAINING' });
    gate.runs[0]?.end('v');
    gate.runs[1]?.fail(new Error('interrupted'));
    // what it left half done is no business of this worker any more: what becomes of it is decided when the session is over
    for (const atom of ['failure', 'never']) await cluster.send(to, attach(atom));
    expect(await cluster.clock.drive(ended)).toEqual({ drained: false, handedBack: 2 });
    await cluster.clock.advance(20);
    expect(cluster.told('result')).toMatchObject([{ requestId: idOf('value') }]);
    expect(cluster.told('unknown')).toEqual([]);
    expect(cluster.told('accepted').at(-1)).toMatchObject({ requestId: idOf('never') });
  });

  it('waits for a thread that goes on after its kill no longer than 5 s', async () => {
    cluster = await Cluster.open();
    const { worker, stop, ended } = cluster.worker([stuck], {
      startHost: immortal,
      options: { drainTimeoutMs: 1_000 },
    });
    await cluster.send(await cluster.ready(worker), request('a', { task: 'stuck' }));
    stop.abort();
    const beforeMs = cluster.clock.monotonicMs();
    expect(await cluster.clock.drive(ended)).toEqual({ drained: false, handedBack: 1 });
    expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(6_500);
    expect(await cluster.members()).toEqual([]);
  });

  it.each(['the log is', 'all services are'])(
    'says that others have to do again what it could not answer, since %s away',
    async (which) => {
      cluster = await Cluster.open();
      const log = new SimulatedPartitionLog(cluster.runtime, { service: cluster.log.service });
      const open = log.openAppender.bind(log);
      const cut = () => Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'cut'));
      let goDown = (): void => undefined;
      log.openAppender = () =>
        open().then((appender) => ((goDown = () => void (appender.append = cut)), appender));
      const gate = new Gate();
      const { worker, stop, ended } = cluster.worker([gate.task], { log });
      await cluster.send(await cluster.ready(worker), request('runs'));
      goDown();
      if (which.startsWith('all')) cluster.coordination.service.goDown();
      await cluster.clock.advance(60_000);
      gate.runs[0]?.end('x');
      await cluster.clock.advance(100);
      stop.abort();
      const { handedBack } = await cluster.clock.drive(ended);
      expect(cluster.runtime.logger.messages('warn')).toContain('outbox.abandoned');
      expect(handedBack).toBeGreaterThan(0);
      cluster.coordination.service.comeUp();
      await cluster.clock.advance(15_000);
    },
  );

  it('ends at once when it never got a session, and leaves none that comes late', async () => {
    cluster = await Cluster.open();
    cluster.coordination.service.goDown();
    const { ended, stop } = cluster.worker([echo]);
    await cluster.clock.advance(15_000);
    expect(cluster.runtime.logger.messages('warn')).toContain('worker.waiting');
    stop.abort();
    const beforeMs = cluster.clock.monotonicMs();
    expect(await cluster.clock.drive(ended)).toEqual({ drained: true, handedBack: 0 });
    expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(100);
    cluster.coordination.service.comeUp();
    await cluster.clock.advance(15_000);
    expect(await cluster.members()).toEqual([]);
  });
});

describe('a worker with a thread that goes on after its kill', () => {
  it('finishes what else it runs, takes nothing new, and ends with the reason, so that another is started', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const worker = cluster.create([gate.task, stuck], { startHost: immortal });
    const failed = expect(worker.run({ signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_TASK_STUCK',
      message: expect.stringContaining('runs task stuck'),
    });
    const to = await cluster.ready(worker);
    await cluster.send(to, request('other'));
    await cluster.send(to, request('hangs', { task: 'stuck', timeoutMs: 1_000 }));
    await cluster.clock.advance(7_100);
    expect(worker.status.state).toBe('draining');
    await cluster.send(to, request('late'));
    expect(cluster.told('refused')).toMatchObject([{ requestId: idOf('late'), reason: 'draining' }]);
    gate.runs[0]?.end('done');
    const beforeMs = cluster.clock.monotonicMs();
    await cluster.clock.drive(failed);
    expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(1_000);
    // what hangs may still do its work: whether it is sent elsewhere is decided by its `onWorkerLoss`
    expect(cluster.told('result')).toMatchObject([{ requestId: idOf('other') }]);
    expect(await cluster.members()).toEqual([]);
  });

  it('ends also when its session was lost meanwhile', async () => {
    cluster = await Cluster.open();
    const worker = cluster.create([stuck], { startHost: immortal });
    const failed = expect(worker.run({ signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_TASK_STUCK',
    });
    await cluster.send(await cluster.ready(worker), request('hangs', { task: 'stuck' }));
    await loseSession();
    await cluster.clock.drive(failed);
    expect(worker.status.state).toBe('stopped');
  });
});

describe('a worker that cannot read its inbox any more', () => {
  it('leaves: its session ends, its tasks are told to stop, and `run` rejects with what was thrown', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const defect = new Error('a defect');
    const failing = new Proxy(cluster.runtime.logger, {
      get(logger, name) {
        if (name !== 'debug') return logger[name as keyof typeof logger];
        return (message: string) => {
          if (message === 'request.ignored') throw defect;
        };
      },
    });
    const worker = cluster.create([gate.task], { runtime: { ...cluster.runtime, logger: failing } });
    const failed = expect(worker.run({ signal: new AbortController().signal })).rejects.toBe(defect);
    const to = await cluster.ready(worker);
    await cluster.send(to, request('runs'));
    await cluster.send({ ...to, epoch: 'another' }, request('not for this one'));
    await cluster.clock.advance(100);
    expect(await cluster.members()).toEqual([]);
    expect(gate.runs.map(({ context }) => context.signal.aborted)).toEqual([true]);
    gate.runs[0]?.end('x');
    await cluster.clock.drive(failed);
    expect(worker.status.state).toBe('stopped');
  });
});

describe('a worker that loses its session', () => {
  it('tells its tasks to stop, sends values that still come but no failures, and comes back with a new epoch', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const { worker } = cluster.worker([gate.task], { options: { concurrency: 3 } });
    const before = await cluster.ready(worker);
    for (const atom of ['value', 'failure', 'never', 'waits']) await cluster.send(before, request(atom));
    await loseSession();
    await cluster.clock.advanceUntil(() => worker.status.incarnation?.epoch !== before.epoch);
    const after = await cluster.ready(worker);
    expect(after.epoch).not.toBe(before.epoch);
    expect(cluster.tokens).toHaveLength(2);
    expect(gate.runs.map(({ context }) => context.signal.reason as unknown)).toMatchObject(
      Array(3).fill({ code: 'BATON_UNAVAILABLE_SESSION_LOST' }),
    );
    cluster.replies.length = 0;
    gate.runs[0]?.end('v');
    gate.runs[1]?.fail(new Error('interrupted'));
    await cluster.clock.advance(50);
    expect(cluster.told('result')).toMatchObject([{ requestId: idOf('value'), workerEpoch: before.epoch }]);

    // what was for the old epoch is neither run nor answered, and a task that has not ended keeps its slot
    await cluster.send({ ...after, epoch: before.epoch }, request('old'));
    for (const atom of ['x', 'y', 'z']) await cluster.send(after, request(atom));
    expect(gate.runs.slice(3).map(({ context }) => context.atom)).toEqual(['x', 'y']);
    await cluster.clock.advance(10_000);
    expect(gate.runs.slice(3).map(({ context }) => context.atom)).toEqual(['x', 'y', 'z']);
    expect(cluster.told('result')).toHaveLength(1);
  });

  it('starts nothing while the session is suspended, and goes on when it is back', async () => {
    cluster = await Cluster.open();
    const gate = new Gate();
    const sessions: Awaited<ReturnType<SimulatedCoordination['connect']>>[] = [];
    const coordination = {
      connect: async (options: { readonly timeoutMs: number }) => {
        const session = await cluster.coordination.connect(options);
        sessions.push(session);
        return session;
      },
      endSession: () => Promise.resolve(),
    };
    const { worker } = cluster.worker([gate.task], { coordination });
    const to = await cluster.ready(worker);
    const [session] = sessions;
    if (session === undefined) throw new Error('no session');
    cluster.coordination.service.cut(session, { reconnectAfterMs: 1_000 });
    await cluster.send(to, request('a'));
    await cluster.clock.advance(500);
    expect(gate.runs).toHaveLength(0);
    expect(cluster.told('accepted')).toHaveLength(1);
    await cluster.clock.advance(1_000);
    expect(gate.runs).toHaveLength(1);
    expect(worker.status.incarnation?.epoch).toBe(to.epoch);
  });

  it('is not ready while it cannot read what it is asked', async () => {
    cluster = await Cluster.open();
    const log = new SimulatedPartitionLog(cluster.runtime, { service: cluster.log.service });
    const openReader = log.openReader.bind(log);
    let isCut = false;
    log.openReader = async (topic) => {
      const reader = await openReader(topic);
      const read = reader.read.bind(reader);
      reader.read = (what) =>
        isCut ? Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'cut')) : read(what);
      return reader;
    };
    const { worker } = cluster.worker([echo], { log });
    await cluster.ready(worker);
    expect(worker.readiness.ready).toBe(true);
    isCut = true;
    await cluster.clock.advance(2_000);
    expect(worker.readiness).toMatchObject({ ready: false, checks: { log: 'cut' } });
    isCut = false;
    await cluster.clock.advance(5_000);
    expect(worker.readiness.ready).toBe(true);
  });

  it('ends with the error when another live member has its id', async () => {
    cluster = await Cluster.open();
    await cluster.ready(cluster.worker([echo]).worker);
    const twin = cluster.create([echo]);
    const failed = expect(twin.run({ signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_MEMBER_ID_TAKEN',
    });
    await cluster.clock.drive(failed);
  });
});
