import { describe, expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import type { Format } from '../output.js';
import { addEnvironmentCommands } from './environment.js';

const report = {
  ...{ name: 'prod', revision: 3, by: 'ann', changedAtMs: Date.UTC(2030, 0, 1) },
  env: { region: 'eu', tier: 'gold\u009b' },
};

/** Runs a command; gives what the client was asked for, and what was printed. */
async function ran(words: readonly string[], format: Format = 'table') {
  const calls: unknown[][] = [];
  let out = '';
  const environments = Object.fromEntries(
    ['list', 'get', 'set', 'delete'].map((call) => [
      call,
      (...given: unknown[]) => {
        calls.push([call, ...given]);
        return Promise.resolve(call === 'list' ? [report] : report);
      },
    ]),
  );
  const write = (text: string) => void (out += text);
  await runCommand(addEnvironmentCommands, ['environment', ...words], {
    client: { environments },
    write,
    format,
    isTerminal: true,
  });
  return { calls, out };
}

describe('baton environment', () => {
  it('set: gives the client what was said, and shows what there is then', async () => {
    const { calls, out } = await ran(['set', 'prod', '{"region":"eu"}', '--if-revision', '2']);
    expect(calls).toEqual([
      ['set', 'prod', { region: 'eu' }, { by: 'cli', ifRevision: 2 }],
      ['get', 'prod'],
    ]);
    expect(out).toBe(`prod  revision 3 by ann, 2030-01-01T00:00:00.000Z
{
  "region": "eu",
  "tier": "gold·"
}
`);
  });

  it('set: refuses what is no map', async () => {
    await expect(ran(['set', 'prod', '[1]'])).rejects.toThrow('the environment must be a JSON object');
    await expect(ran(['set', 'prod', 'region=eu'])).rejects.toThrow('the environment is not JSON');
  });

  it('list: names what is in each, and shows no values', async () => {
    const { out } = await ran(['list']);
    expect(out.split('\n')[1]).toBe('prod  3         ann  2030-01-01T00:00:00.000Z  region, tier');
  });

  it('delete: if it is the revision that was meant', async () => {
    const { calls, out } = await ran(['rm', 'prod', '--if-revision', '3'], 'json');
    expect(calls).toEqual([['delete', 'prod', { by: 'cli', ifRevision: 3 }]]);
    expect(JSON.parse(out)).toEqual([{ name: 'prod', delete: 'done' }]);
  });
});
