import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { exitCodes } from './exit-codes.js';
import { main } from './main.js';

describe('a command line that cannot be run', () => {
  afterEach(() => void jest.restoreAllMocks());

  /** Exit code and what went to standard error. */
  async function said(...words: readonly string[]): Promise<{ code: number; text: string }> {
    let text = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      text += String(chunk);
      return true;
    });
    const code = await main(['node', 'baton', ...words]);
    return { code, text };
  }

  it.each([[[]], [['job']], [['task']], [['cluster']]])(
    'shows its help where a command is missing: %j',
    async (words) => {
      const { code, text } = await said(...words);
      expect(code).toBe(exitCodes.usage);
      expect(text).toMatch(new RegExp(`^Usage: ${['baton', ...words].join(' ')} .*\n`));
      expect(text).toContain('Commands:');
      expect(text).not.toContain('BATON_');
    },
  );

  it.each([
    [['job', 'pots'], "unknown command 'pots' (Did you mean post?)"],
    [['job', 'post'], 'give a flow, or --from with the id of a job'],
    [
      ['job', 'post', 'f.json', '--timeout', '5s'],
      '--timeout says how long to --wait: give both, or neither',
    ],
    [
      ['job', 'post', 'f.json', '--wait', '--timeout', 'abc'],
      '--timeout "abc" is not a duration such as 250ms, 10s, 2m, 1h or 3d',
    ],
    [
      ['job', 'post', 'f.json', '--wait', '--timeout', '-5s'],
      '--timeout "-5s" is not a duration such as 250ms, 10s, 2m, 1h or 3d',
    ],
    [
      ['job', 'post', 'f.json', '--priority', 'urgent'],
      '--priority "urgent" must be one of very_high, high, normal, low, very_low',
    ],
    [
      ['dev', '--persist', import.meta.filename],
      `--persist ${import.meta.filename} is no folder, and none can be made there`,
    ],
    [['job', 'post', 'f.json', '--key', 'a/b'], 'job id "a/b" must be 1 to 128 of A-Z a-z 0-9 _ -'],
    [['job', 'cancel', 'j', 'a/b'], 'job id "a/b" must be 1 to 128 of A-Z a-z 0-9 _ -'],
    [
      ['job', 'wait', 'j', '--timeout', 'abc'],
      '--timeout "abc" is not a duration such as 250ms, 10s, 2m, 1h or 3d',
    ],
    [['job', 'list', '--stat', 'x'], "unknown option '--stat' (Did you mean --state?)"],
  ])('says in one line what is wrong, with a remedy: %j', async (words, message) => {
    const { code, text } = await said(...words);
    expect(code).toBe(exitCodes.usage);
    expect(text.split('\n')).toEqual([
      `baton: ${message} (BATON_INPUT_INVALID)`,
      expect.stringMatching(/^ {2}→ /),
      '',
    ]);
  });

  it('says it as one JSON object when asked for JSON', async () => {
    const { code, text } = await said('-o', 'json', 'job', 'pots');
    expect(code).toBe(exitCodes.usage);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'BATON_INPUT_INVALID' } });
  });
});
