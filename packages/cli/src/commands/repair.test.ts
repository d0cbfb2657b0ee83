import type { Client } from '@baton/client';
import { ConflictError, NotFoundError } from '@baton/core';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addRepairCommands } from './repair.js';

describe('baton job rerun, skip and revert', () => {
  let out = '';
  const asked: unknown[] = [];
  beforeEach(() => {
    out = '';
    asked.splice(0);
  });

  /** On a client that notes what it is asked for, and refuses a job that goes on and an atom that nobody knows. */
  async function ran(words: readonly string[]): Promise<void> {
    const take =
      (verb: string) =>
      async (jobId: string, options: { readonly from?: string; readonly atom?: string }): Promise<number> => {
        if (jobId === 'going') throw new ConflictError('BATON_CONFLICT_NOT_REPAIRABLE', 'it is RUNNING');
        if ((options.from ?? options.atom) === 'x')
          throw new NotFoundError('BATON_NOT_FOUND_ATOM', 'no atom x');
        return asked.push([verb, jobId, options]);
      };
    const client: Partial<Record<keyof Client, unknown>> = {
      rerun: take('rerun'),
      skip: take('skip'),
      revert: take('revert'),
    };
    await runCommand(addRepairCommands, words, { client, write: (text) => void (out += text) });
  }

  it.each([
    [['rerun', 'j'], 'rerun', { by: 'cli' }],
    [['rerun', 'j', '--from', 'a', '--reset'], 'rerun', { from: 'a', reset: true, by: 'cli' }],
    [
      ['rerun', 'j', '--from', 'a', '--input', 'n=1', '--input', 's=text', '--env', '{"region":"eu"}'],
      'rerun',
      { from: 'a', input: { n: 1, s: 'text' }, env: { region: 'eu' }, by: 'cli' },
    ],
    [['skip', 'j', 'a', '--depth', 'all'], 'skip', { atom: 'a', depth: 'all', by: 'cli' }],
    [['revert', 'j', '--reason', 'wrong site'], 'revert', { by: 'cli', reason: 'wrong site' }],
  ])('%j is one command', async (words, verb, options) => {
    await ran(words);
    expect(asked).toEqual([[verb, 'j', options]]);
    expect(out).toBe('j\trequested\n');
  });

  it.each([
    [['rerun', 'going'], 'BATON_CONFLICT_NOT_REPAIRABLE'],
    [['revert', 'going'], 'BATON_CONFLICT_NOT_REPAIRABLE'],
    [['rerun', 'j', '--from', 'x'], 'BATON_NOT_FOUND_ATOM'],
    [['skip', 'j', 'x'], 'BATON_NOT_FOUND_ATOM'],
    [['rerun', 'j', '--env', '1'], 'BATON_INPUT_INVALID'],
  ])('%j is refused', async (words, code) => {
    await expect(ran(words)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });

  it('does what it can of several jobs', async () => {
    await expect(ran(['revert', 'j', 'going'])).rejects.toMatchObject({
      code: 'BATON_CONFLICT_NOT_REPAIRABLE',
    });
    expect(out).toBe('j\trequested\n');
  });
});
