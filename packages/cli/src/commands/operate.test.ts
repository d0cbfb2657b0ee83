import type { Client } from '@baton/client';
import { expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addOperateCommands } from './operate.js';

it.each([
  [
    ['stop', 'j', '--state', 'failure', '--message', 'wrong site'],
    ['stop', 'j', { state: 'FAILURE', message: 'wrong site', by: 'cli' }],
  ],
  [
    ['stop', 'j', '--state', 'success'],
    ['stop', 'j', { state: 'SUCCESS', by: 'cli' }],
  ],
])('%j is one command', async (words, call) => {
  const asked: unknown[] = [];
  const take =
    (verb: string) =>
    (...given: unknown[]) =>
      Promise.resolve(asked.push([verb, ...given]));
  const client: Partial<Record<keyof Client, unknown>> = { stop: take('stop') };
  let out = '';
  await runCommand(addOperateCommands, words, { client, write: (text) => void (out += text) });
  expect(asked).toEqual([call]);
  expect(out).toBe('j\trequested\n');
});
