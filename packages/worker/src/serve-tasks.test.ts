import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TaskRequest } from '@baton/core';
import { eventually, fakeRuntime } from '@baton/testkit';
import type { FromHost } from './host-messages.js';
import { serveTasks } from './serve-tasks.js';

const { clock } = fakeRuntime();
let directory: string;
let said: FromHost[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'baton-host-'));
  said = [];
});
afterEach(() => rm(directory, { recursive: true }));

async function serve(source: string) {
  const module = join(directory, 'tasks.mjs');
  await writeFile(
    module,
    `const t = (execute) => ({ name: 't', version: '1.0', requires: {}, optional: {}, provides: {}, execute }); ${source}`,
  );
  const served = serveTasks({ module, clock, send: (message) => void said.push(message) });
  await eventually(() => said.length > 0, { withinMs: 5_000, what: 'the module is loaded, or not' });
  const run = (n = 1) =>
    served.receive({
      type: 'run',
      run: n,
      request: {
        requestId: 'F/t/execute/1.1',
        flowId: 'F',
        action: 'execute',
        atom: 't',
        task: 't',
        taskVersion: '1.0',
        args: {},
      } as unknown as TaskRequest,
      worker: 'w',
      limits: { abortGraceMs: 10_000, payloadBytesMax: 100 },
    });
  const heard = <T extends FromHost['type']>(type: T) =>
    eventually(() => said.find((message) => message.type === type), { withinMs: 5_000, what: type });
  return { ...served, run, heard };
}

describe('serveTasks', () => {
  it('runs what its worker sends, as an attempt', async () => {
    const { run, heard } = await serve(
      `export default t((_, { progress, worker }) => { progress(1); return worker; });`,
    );
    expect(said).toEqual([{ type: 'ready' }]);
    run();
    expect(await heard('ended')).toMatchObject({ end: { outcome: { value: { data: 'w' } } } });
    expect(said).toContainEqual({ type: 'progress', run: 1, fraction: 1, message: undefined });
  });

  it('tells its task to stop, says so, and gives nothing up', async () => {
    const { run, receive, heard } = await serve(
      `export default t((_, { signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))));`,
    );
    run();
    await clock.advance(10);
    receive({ type: 'abort', run: 1, kind: 'cancel', message: 'enough' });
    expect(said).toContainEqual({ type: 'told', run: 1 });
    expect(await heard('ended')).toMatchObject({
      run: 1,
      end: { outcome: { failure: { code: 'CANCELLED', message: 'enough' } }, aborted: 'cancel' },
    });
  });

  it('stops nothing for an order that was meant for the task before', async () => {
    const { run, receive, heard } = await serve(
      `let runs = 0;
       export default t((_, { signal }) => runs++ === 0 ? 'first' : new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))));`,
    );
    run(1);
    await heard('ended');
    receive({ type: 'abort', run: 1, kind: 'timeout', message: 'crossed the end' });
    run(2);
    await clock.advance(10);
    receive({ type: 'abort', run: 1, kind: 'timeout', message: 'later still' });
    expect(said.map(({ type }) => type)).toEqual(['ready', 'ended']);
    receive({ type: 'abort', run: 2, kind: 'cancel', message: 'enough' });
    await eventually(() => said.some((message) => message.type === 'ended' && message.run === 2), {
      withinMs: 5_000,
      what: 'the second ends',
    });
    expect(said).toContainEqual({ type: 'told', run: 2 });
  });

  it('sends what tasks log as data, whatever it is', async () => {
    const { run, heard } = await serve(
      `export default t((_, { log }) => log.warn('odd', { error: new RangeError('r'), f: () => 1, n: 5n }));`,
    );
    run();
    await heard('ended');
    expect(said).toContainEqual({
      type: 'log',
      level: 'warn',
      message: 'odd',
      fields: expect.objectContaining({
        atom: 't',
        error: expect.objectContaining({ types: ['RangeError', 'Error'], message: 'r' }),
        f: '() => 1',
        n: 5n,
      }),
    });
    expect(() => structuredClone(said)).not.toThrow();
  });

  it('says why it is of no use', async () => {
    await serve(`throw new Error('boom');`);
    expect(said).toEqual([{ type: 'unfit', reason: expect.stringContaining('boom') }]);
    said = [];
    const other = await serve(`export default { ...t(() => 1), name: 'other' };`);
    other.run();
    expect(said.at(-1)).toEqual({ type: 'unfit', reason: expect.stringContaining('does not export t') });
  });
});
