import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, OutageListener } from '@baton/client';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { Output } from '../output.js';
import type { Run } from '../run.js';
import { addJobCommands } from './job.js';

const folder = mkdtempSync(join(tmpdir(), 'baton-job-'));
const flow = join(folder, 'flow.json');
writeFileSync(
  flow,
  JSON.stringify({
    schemaVersion: 1,
    root: { kind: 'linear', name: 'f', children: [{ kind: 'task', name: 'a', optional: ['size'] }] },
  }),
);
afterAll(() => rmSync(folder, { recursive: true }));

describe('what a command tells people beside its answer', () => {
  let err = '';
  let out = '';
  beforeEach(() => {
    err = out = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      err += String(chunk);
      return true;
    });
  });
  afterEach(() => void jest.restoreAllMocks());

  /** Runs a command on a client that can do only what is given. */
  async function ran(client: Partial<Record<keyof Client, unknown>>, ...words: string[]): Promise<number> {
    let code = -1;
    const output = new Output({
      format: 'table',
      isTerminal: false,
      write: (text) => void (out += text),
    });
    const invocation = { output, client: () => Promise.resolve(client) } as unknown as Invocation;
    const run: Run =
      (action) =>
      async (...args) => {
        const command = args.at(-1) as Command;
        code = await action(invocation, command.args, command.opts() as never);
      };
    const program = new Command('baton');
    addJobCommands(program, run);
    await program.parseAsync(['job', ...words], { from: 'user' });
    return code;
  }

  it('the id of a posted job at once, before it is waited for', async () => {
    const client = {
      post: () => Promise.resolve('j'),
      // that it cannot be found out who is there is no failure of the post
      cluster: () => Promise.reject(new Error('away')),
      wait: () => {
        expect([out, err.split('\n').slice(-2)]).toEqual(['', ['posted j', '']]);
        return Promise.resolve({ jobId: 'j', outcome: 'SUCCESS', failures: [] });
      },
    };
    expect(await ran(client, 'post', flow, '--wait')).toBe(exitCodes.ok);
    expect(out).toBe('j\t✔ SUCCESS\n');
  });

  it('the id of a job that is posted as another one was, which takes no values of its own', async () => {
    const asked: unknown[] = [];
    const client = {
      post: (...given: unknown[]) => {
        asked.push(...given);
        return Promise.resolve('k');
      },
    };
    expect(await ran(client, 'post', '--from', 'j', '--priority', 'low')).toBe(exitCodes.ok);
    expect([asked, out]).toEqual([[{ from: 'j' }, { priority: 'LOW' }], 'k\n']);
    for (const words of [[], [flow, '--from', 'j'], ['--from', 'j', '--set', 'size=1']])
      await expect(ran(client, 'post', ...words)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });

  it('once that the store is away, and once that it is back, however many jobs are waited for', async () => {
    let told: Promise<void> = Promise.resolve();
    const client = {
      wait: async (jobId: string, { onOutage, onRecovery }: OutageListener) => {
        onOutage?.(new Error('the store is away'));
        await (told = told.then(() => onRecovery?.()));
        return { jobId, outcome: 'SUCCESS', failures: [] };
      },
    };
    expect(await ran(client, 'wait', 'a', 'b')).toBe(exitCodes.ok);
    expect(err).toBe('the store is away: waiting for it\nit answers again\n');
  });

  it('which of the given symbols nothing takes, and what may have been meant', async () => {
    const client = { post: () => Promise.resolve('j') };
    const words = ['--set', 'size=1', '--set', 'sise=3', '--set', 'zzzzzzzz=1'];
    expect(await ran(client, 'post', flow, ...words)).toBe(exitCodes.ok);
    expect(err).toBe('nothing in flow f takes sise, did you mean size?\nnothing in flow f takes zzzzzzzz\n');
    expect(out).toBe('j\n');
  });

  it.each(['suspend', 'resume'] as const)(
    'to which jobs a %s was given, and why not to others',
    async (verb) => {
      const given: unknown[] = [];
      const give = (jobId: string, options: unknown): Promise<number> => {
        given.push([jobId, options]);
        return jobId === 'ended' ? Promise.reject(new Error('has ended already')) : Promise.resolve(1);
      };
      const run = ran({ [verb]: give }, verb, 'ended', 'a', 'b', '--reason', 'a change');
      await expect(run).rejects.toThrow('has ended already');
      expect(out).toBe('a\trequested\nb\trequested\n');
      expect(given).toContainEqual(['a', { by: 'cli', reason: 'a change' }]);
    },
  );

  it('which jobs were deleted, and why others were not', async () => {
    const remove = (jobId: string): Promise<void> =>
      jobId === 'running' ? Promise.reject(new Error('has not ended')) : Promise.resolve();
    await expect(ran({ delete: remove }, 'delete', 'running', 'a', 'b')).rejects.toThrow('has not ended');
    expect(out).toBe('a\tdeleted\nb\tdeleted\n');
  });

  it('that a key must not look like a flag, before anything is posted', async () => {
    const refused = ran({}, 'post', flow, '--key', '-x');
    await expect(refused).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: '--key -x must not begin with -: `job get` would take it for a flag',
    });
  });
});
