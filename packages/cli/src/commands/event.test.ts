import { expect, describe, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addEventCommands } from './event.js';

describe('baton event send', () => {
  /** On a client that notes what it is asked for. */
  async function ran(words: readonly string[], sent: object = { eventId: 'e', jobs: 2 }) {
    let out = '';
    const asked: unknown[] = [];
    const client = {
      sendEvent: (...given: unknown[]) => {
        asked.push(...given);
        return Promise.resolve(sent);
      },
    };
    await runCommand(addEventCommands, ['event', 'send', ...words], {
      client,
      write: (text) => void (out += text),
    });
    return { out, asked };
  }

  it('sends what it is given, and says how many jobs have it', async () => {
    const words = ['paid', '--key', '42', '--data', '{"cents":5}', '--keep', '2h', '--id', 'e'];
    const { out, asked } = await ran(words, { eventId: 'e', jobs: 2, keptUntilMs: 1_000 });
    expect(asked).toEqual(['paid', { by: 'cli', key: '42', data: { cents: 5 }, keepMs: 7_200_000, id: 'e' }]);
    expect(out).toBe('e\t2\t1970-01-01T00:00:01.000Z\n');
    expect((await ran(['paid'])).asked).toEqual(['paid', { by: 'cli' }]);
    expect((await ran(['paid', '--data', '7'])).asked).toEqual(['paid', { by: 'cli', data: 7 }]);
  });

  it.each([
    ['--data', 'yes'],
    ['--data', '@/no/such/file'],
    ['--keep', 'long'],
  ])('refuses %s %s', async (...words) => {
    await expect(ran(['paid', ...words])).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });
});
