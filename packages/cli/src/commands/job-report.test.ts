import { expect, it } from '@jest/globals';
import { runCommand } from '../fixtures/run-command.js';
import { addReport } from './job-report.js';

const jobs: Readonly<Record<string, object>> = {
  j: {
    name: 'release',
    flowState: 'FAILURE',
    atoms: [{ name: 's', kind: 'activation', state: 'FAILURE', child: 'k' }],
  },
  k: {
    ...{ name: 'build', flowState: 'REVERTED' },
    atoms: [
      { name: 'a', kind: 'task', state: 'REVERTED', attempt: 3, failure: { message: 'no\u009b disk' } },
    ],
  },
};

async function ran(...words: readonly string[]): Promise<string> {
  let out = '';
  const times = { postedAtMs: 0, updatedAtMs: 1_500, redelivered: 1 };
  const client = {
    job: (id: string) => Promise.resolve({ ...times, ...jobs[id] }),
    history: () => Promise.resolve([]),
  };
  await runCommand(addReport, ['report', ...words], { client, write: (text) => void (out += text) });
  return out;
}

it('baton job report prints a tree, and sums below it (C-1604)', async () => {
  const lines = (await ran('j', '--errors-only')).split('\n').map((line) => line.replace(/[^\w\s·]/u, '?'));
  expect(lines).toEqual([
    '? release  j  FAILURE  1500 ms',
    '  ? s  FAILURE',
    '    ? build  k  REVERTED  1500 ms',
    '      ? a  REVERTED  attempt 3  no· disk',
    '2 jobs  FAILURE 1  REVERTED 1  2 sent again',
    '',
  ]);
  expect(await ran('j', '--max-depth', '0')).toContain(
    '\n1 job  FAILURE 1  1 sent again  child runs left out: 1',
  );
  await expect(ran('j', '--max-depth', 'all')).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
});
