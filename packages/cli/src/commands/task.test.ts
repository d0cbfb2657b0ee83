import type { Client } from '@baton/client';
import { expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addTaskCommands } from './task.js';

it.each([
  ['rerun', 'decideParked', 'rerun'],
  ['fail', 'decideParked', 'fail'],
  ['revert-retry', 'decideRevert', 'retry'],
  ['revert-accept', 'decideRevert', 'accept'],
])('baton task %s is one command', async (verb, call, decision) => {
  const asked: unknown[] = [];
  let out = '';
  const client: Partial<Record<keyof Client, unknown>> = {
    [call]: async (...given: readonly unknown[]) => asked.push(given),
  };
  const words = ['task', verb, 'j', 'a', '--reason', 'looked at it'];
  await runCommand(addTaskCommands, words, { client, write: (text) => void (out += text) });
  expect(asked).toEqual([['j', { atom: 'a', decision, by: 'cli', reason: 'looked at it' }]]);
  expect(out).toBe('j\ta\trequested\n');
});
