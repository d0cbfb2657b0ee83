/** Isolated tasks in real threads and processes. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Failure, TaskRequest } from '@baton/core';
import { eventually, fakeRuntime, realRuntime } from '@baton/testkit';
import { loadTasks } from '@baton/worker';
import type { AttemptEnd } from '../../worker/src/attempt.js';
import { IsolatedAttempt } from '../../worker/src/isolated-attempt.js';
import { isIsolated, type IsolatedTask } from '../../worker/src/registered-task.js';
import { TaskHosts } from '../../worker/src/task-hosts.js';
import { startTaskHost } from './start-task-host.js';

const module = fileURLToPath(new URL('../../../test/fixtures/isolated-tasks.mjs', import.meta.url));
const { logger } = fakeRuntime();
const runtime = { ...realRuntime(), logger };
// what a test waits for may be all that is left to do, and hosts keep nobody alive
let alive: NodeJS.Timeout;
beforeAll(() => void (alive = setInterval(() => undefined, 60_000)));
afterAll(() => clearInterval(alive));

describe.each(['thread', 'process'] as const)('a task in a %s', (isolation) => {
  let tasks: readonly IsolatedTask[];
  let hosts: TaskHosts;
  beforeAll(async () => {
    tasks = (await loadTasks(module)).filter(isIsolated);
    hosts = new TaskHosts({ tasks, start: startTaskHost, runtime });
    await hosts.open();
  });
  afterAll(() => hosts.close());

  const reported: unknown[][] = [];
  function start(what: string, over: Partial<TaskRequest> = {}): IsolatedAttempt {
    const task = tasks.find(({ name }) => name === `${what}.${isolation}`) as IsolatedTask;
    const request = {
      requestId: 'F/a/execute/1.2',
      flowId: 'F',
      atom: 'a',
      action: 'execute',
      fence: { generation: 0, zxid: 2n ** 40n },
      task: task.name,
      taskVersion: '1.0',
      attempt: 2,
      round: 1,
      args: {},
      ...over,
    } as TaskRequest;
    const onProgress = (...progress: unknown[]) => void reported.push(progress);
    const limits = { abortGraceMs: 10_000, payloadBytesMax: 10_000 };
    return new IsolatedAttempt({ task, hosts, request, worker: 'w', runtime, limits, onProgress });
  }
  const valueOf = ({ outcome }: AttemptEnd): unknown =>
    'value' in outcome && 'data' in outcome.value ? outcome.value.data : outcome;
  const failureOf = ({ outcome }: AttemptEnd): Failure | undefined =>
    'failure' in outcome ? outcome.failure : undefined;

  it('gets what it gets inline, and runs elsewhere', async () => {
    const end = await start('tells', { args: { given: { data: { deep: [1] } } }, timeoutMs: 9_000 }).ended;
    expect(valueOf(end)).toMatchObject({
      given: { deep: [1] },
      flowId: 'F',
      attempt: 2,
      idempotencyKey: 'F/a/execute/1',
      fence: String(2n ** 40n),
      worker: 'w',
      aborted: false,
      deadline: expect.any(Number),
      isMainThread: isolation === 'process',
    });
    const isHere = (valueOf(end) as { pid: number }).pid === process.pid;
    expect(isHere).toBe(isolation === 'thread');
    expect(reported).toEqual([[0.5, 'half']]);
    const told = logger.lines.find(({ message }) => message === 'told');
    expect(told?.fields).toMatchObject({
      atom: 'a',
      error: { types: ['QuotaError', 'Error'], message: 'as data' },
    });
  });

  it('fails with its error, class, code and cause', async () => {
    expect(failureOf(await start('fails').ended)).toMatchObject({
      types: ['QuotaError', 'Error'],
      message: 'none left',
      code: 'QUOTA',
      causes: [{ types: ['TypeError', 'Error'], message: 'why' }],
      stack: expect.stringContaining('isolated-tasks.mjs'),
      phase: 'execute',
      attempt: 2,
    });
  });

  it('is killed when it blocks past its time, and the next runs', async () => {
    const blocked = start('blocks', { timeoutMs: 300 });
    const end = await blocked.ended;
    expect(failureOf(end)?.code).toBe('TIMEOUT');
    expect(valueOf(await start('heeds', { timeoutMs: 100 }).ended)).toBe('BATON_UNAVAILABLE_DEADLINE');
  });

  it('is killed when it blocks and is cancelled', async () => {
    const blocked = start('blocksOn');
    await eventually(() => reported.some(([, message]) => message === 'blocks'), {
      withinMs: 5_000,
      what: 'the task blocks its loop',
    });
    blocked.abort('cancel', 'enough');
    expect(failureOf(await blocked.ended)).toMatchObject({ code: 'CANCELLED', retryable: false });
  });

  it('that ends its place fails, and the next runs', async () => {
    expect(failureOf(await start('exits').ended)).toMatchObject({
      code: 'WORKER_CRASH',
      message: `exits.${isolation} ended its ${isolation}: exit code 3`,
    });
    expect(failureOf(await start('fails').ended)?.code).toBe('QUOTA');
  });

  it('that fails where nobody catches it is told in the log, and ends as it would', async () => {
    expect(valueOf(await start('strays').ended)).toBeNull();
    const stray = logger.lines.find(({ message }) => message === 'stray-error');
    expect(stray).toMatchObject({ level: 'error', fields: { error: { message: 'stray', code: 'QUOTA' } } });
  });
});

describe('threads and processes', () => {
  it.each(['thread', 'process'] as const)('that cannot load their module end (%s)', async (isolation) => {
    const [task] = (await loadTasks(module)).filter((each) => each.isolation === isolation);
    const lost = { ...(task as IsolatedTask), module: '/nowhere.mjs' };
    const hosts = new TaskHosts({ tasks: [lost], start: startTaskHost, runtime });
    await expect(hosts.open()).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: expect.stringContaining('/nowhere.mjs'),
    });
    await hosts.close();
  });

  it('do not keep a process from its end: a thread in a native call is not interrupted, and Node would wait for it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'baton-stuck-'));
    const called = join(directory, 'called');
    const [tasks, script] = [join(directory, 'tasks.mjs'), join(directory, 'script.mjs')];
    // one synchronous call, as long as its program runs
    const program = `echo $$ > ${called}.part && mv ${called}.part ${called} && exec sleep 600`;
    await writeFile(
      tasks,
      `import { execSync } from 'node:child_process'; execSync(${JSON.stringify(program)});`,
    );
    await writeFile(
      script,
      `import { existsSync } from 'node:fs';
      import { startTaskHost } from ${JSON.stringify(new URL('../dist/start-task-host.js', import.meta.url))};
      const { kill } = startTaskHost({ isolation: 'thread', module: ${JSON.stringify(tasks)} }, () => undefined);
      setInterval(() => existsSync(${JSON.stringify(called)}) && (kill(), process.exit(0)), 10);`,
    );
    const child = spawn(process.execPath, [script], { stdio: 'ignore' });
    try {
      await eventually(() => child.signalCode !== null, { withinMs: 10_000, what: 'the process has ended' });
      expect(child.signalCode).toBe('SIGKILL');
    } finally {
      child.kill('SIGKILL');
      process.kill(Number(await readFile(called, 'utf8')), 'SIGKILL');
      await rm(directory, { recursive: true });
    }
  });
});
