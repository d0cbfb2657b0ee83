import { describe, expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addTaskCommands } from './task.js';

describe('baton task run (C-1616)', () => {
  /** On a client that notes what it is asked for, of a task that gives `end`. */
  async function ran(words: readonly string[], end: object = { outcome: 'SUCCESS', failures: [] }) {
    let out = '';
    const asked: unknown[][] = [];
    const noting =
      (call: string, answer: unknown) =>
      (...given: unknown[]) => {
        asked.push([call, ...given]);
        return Promise.resolve(answer);
      };
    const client = {
      runTask: noting('runTask', { jobId: 'j', isNew: true }),
      wait: noting('wait', { jobId: 'j', ...end }),
      job: noting('job', { results: { 'task.result': { ip: '::1' } } }),
    };
    await runCommand(addTaskCommands, ['task', 'run', ...words], {
      client,
      write: (text) => void (out += text),
    });
    return { out, asked };
  }

  it('posts the task with its parameters, and prints the id of the job', async () => {
    const words = ['net.up', '--store', '{"n":1}', '--set', 'site=a', '--task-version', '2.1', '--key', 'j'];
    const { out, asked } = await ran(words);
    expect(asked).toEqual([['runTask', 'net.up', { n: 1, site: 'a' }, { version: '2.1', key: 'j' }]]);
    expect(out).toBe('j\n');
  });

  it('with --wait prints what the task returned, or how it ended', async () => {
    const { out, asked } = await ran(['net.up', '--wait', '--timeout', '2s']);
    expect(asked.slice(1)).toEqual([
      ['wait', 'j', { timeoutMs: 2_000 }],
      ['job', 'j'],
    ]);
    expect(JSON.parse(out)).toEqual({ ip: '::1' });
    const failed = { outcome: 'REVERTED', failures: [{ atom: 'net.up', message: 'no route' }] };
    expect((await ran(['net.up', '--wait'], failed)).out).toMatch(/REVERTED\nno route\n$/);
  });

  it('refuses a time for no wait, before anything is posted', async () => {
    await expect(ran(['net.up', '--timeout', '2s'])).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });
});
