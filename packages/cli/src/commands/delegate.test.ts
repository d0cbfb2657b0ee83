import type { Client } from '@baton/client';
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addDelegateCommands } from './delegate.js';

const keys = 'k'.repeat(32);
const token = new DelegateTokens(keys).of('j/a#2[3]/execute/0.4') ?? '';

describe('baton delegate', () => {
  let out = '';
  const asked: unknown[] = [];
  beforeEach(() => {
    out = '';
    asked.splice(0);
  });

  /** On a client that notes what it is asked for. */
  async function ran(words: readonly string[], delegateKeys: string | undefined = keys): Promise<void> {
    const client: Partial<Record<keyof Client, unknown>> = {
      answerDelegate: (...given: unknown[]) => Promise.resolve(asked.push(given)),
      updateDelegate: (...given: unknown[]) => Promise.resolve(asked.push(given)),
      extendDelegate: (...given: unknown[]) => Promise.resolve({ commandId: asked.push(given), dueAtMs: 0 }),
      delegates: () =>
        Promise.resolve({
          delegates: [
            {
              ...{ jobId: 'j', name: 'n', atom: 'a', attempt: 1, round: 2, delegate: 'ok' },
              ...{ sinceMs: 0, dueAtMs: 1_000 },
            },
          ],
        }),
    };
    const settings = { maybe: () => delegateKeys, get: () => 5_000 };
    await runCommand(addDelegateCommands, ['delegate', ...words], {
      client,
      settings,
      write: (text) => void (out += text),
    });
  }

  it.each([
    [['complete', 'j', 'a', '--value', '{"ok":true}'], { atom: 'a', value: { ok: true }, by: 'cli' }],
    [['complete', 'j', 'a', '--attempt', '2'], { atom: 'a', attempt: 2, value: null, by: 'cli' }],
    [
      ['cancel', 'j', 'a', '--attempt', '1', '--round', '2'],
      { atom: 'a', attempt: 1, round: 2, cancelled: true, by: 'cli' },
    ],
    [
      ['pause', 'j', 'a', '--attempt', '1', '--round', '2'],
      { atom: 'a', attempt: 1, round: 2, paused: true, by: 'cli' },
    ],
    [
      ['fail', 'j', 'a', '--message', 'no', '--type', 'Veto', '--data', '1'],
      { atom: 'a', failure: { message: 'no', type: 'Veto', data: 1 }, by: 'cli' },
    ],
    [['cancel', 'j', 'a', '--reason', 'over'], { atom: 'a', cancelled: true, by: 'cli', reason: 'over' }],
    [['pause', 'j', 'a', '--reason', 'ill'], { atom: 'a', paused: true, by: 'cli', reason: 'ill' }],
    [['resume', token], { atom: 'a#2[3]', round: 0, attempt: 4, paused: false, by: 'cli' }],
    [
      ['progress', 'j', 'a', '--fraction', '0.5', '--note', 'half'],
      { atom: 'a', progress: { fraction: 0.5, note: 'half' }, by: 'cli' },
    ],
    [['complete', token, '--value', '1'], { atom: 'a#2[3]', round: 0, attempt: 4, value: 1, by: 'cli' }],
  ])('%j is stored', async (words, options) => {
    await ran(words);
    expect(asked).toEqual([['j', options]]);
    expect(out).toContain('stored');
  });

  it('has an answer waited for longer', async () => {
    await ran(['extend', 'j', 'a', '--attempt', '1', '--round', '2', '--for', '2s']);
    expect(asked).toEqual([
      ['j', { atom: 'a', attempt: 1, round: 2, byMs: 2_000, mostMs: 5_000, by: 'cli' }],
    ]);
    expect(out).toBe('j\ta\t1970-01-01T00:00:00Z\n');
  });

  it('lists what waits', async () => {
    await ran(['list']);
    expect(out).toBe('j\ta\tok\t1\t2\t1970-01-01T00:00:00Z\t1970-01-01T00:00:01Z\n');
  });

  it.each([
    [['complete', 'j'], 'BATON_NOT_FOUND_DELEGATE', keys],
    [['complete', token], 'BATON_NOT_FOUND_DELEGATE', 'f'.repeat(32)],
    [['complete', token, '--attempt', '4'], 'BATON_INPUT_INVALID', keys],
    [['complete', token, '--round', '0'], 'BATON_INPUT_INVALID', keys],
    [['complete', 'j', 'a', '--value', 'yes'], 'BATON_INPUT_INVALID', keys],
  ])('%j is refused', async (words, code, known) => {
    await expect(ran(words, known)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });
});
