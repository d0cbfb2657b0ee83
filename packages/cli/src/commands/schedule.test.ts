import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { ScheduleReport } from '@baton/client';
import { runCommand } from '../fixtures/run-command.js';
import type { Format } from '../output.js';
import { addScheduleCommands } from './schedule.js';

const folder = mkdtempSync(join(tmpdir(), 'baton-schedule-'));
const flow = join(folder, 'flow.json');
writeFileSync(flow, JSON.stringify({ schemaVersion: 1, root: { kind: 'linear', name: 'f', children: [] } }));
afterAll(() => rmSync(folder, { recursive: true }));

const report: ScheduleReport = {
  ...{ scheduleId: 's', revision: 3, by: 'ann', name: 'f', definitionHash: 'ab'.repeat(32), store: ['site'] },
  ...{ cron: '0 2 * * *', timeZone: 'Europe/Berlin', count: 5, catchUp: 'last', overlap: 'skip' },
  ...{ state: 'ACTIVE', nextMs: Date.UTC(2030, 0, 3, 1), fired: 2 },
  slots: [
    ...[
      {
        ...{ revision: 3, nominalMs: Date.UTC(2030, 0, 2, 1) },
        decision: 'skipped' as const,
        missed: 1,
        skipped: 1,
        isDone: true,
      },
    ],
    ...[
      {
        ...{ revision: 3, nominalMs: Date.UTC(2030, 0, 1, 1) },
        decision: 'fired' as const,
        missed: 0,
        skipped: 0,
        isDone: true,
      },
    ],
  ].map((slot) => ({ ...slot, jobId: 's-20300101T010000Z', fired: 2, atMs: 0 })),
};

/** Runs a command; gives what the client was asked for, and what was printed. */
async function ran(
  words: readonly string[],
  { format = 'table', isTerminal = true }: { format?: Format; isTerminal?: boolean } = {},
) {
  const calls: unknown[][] = [];
  let out = '';
  const answers = { list: [report], get: report, put: { revision: 3, isNew: true }, pause: 4, resume: 4 };
  const schedules = Object.fromEntries(
    ['list', 'get', 'put', 'pause', 'resume', 'delete'].map((call) => [
      call,
      (...given: unknown[]) => {
        calls.push([call, ...given]);
        return Promise.resolve(answers[call as keyof typeof answers]);
      },
    ]),
  );
  const write = (text: string) => void (out += text);
  await runCommand(addScheduleCommands, ['schedule', ...words], {
    client: { schedules },
    write,
    format,
    isTerminal,
  });
  return { calls, out };
}

describe('baton schedule', () => {
  it('put: gives the client what was said, and shows what there is then', async () => {
    const words = [
      'put',
      's',
      flow,
      '--cron',
      '0 2 * * *',
      '--time-zone',
      'Europe/Berlin',
      '--set',
      'site=x',
    ];
    const more = [
      '--count',
      '5',
      '--overlap',
      'skip',
      '--start',
      '2030-01-01T02:00:00+01:00',
      '--if-revision',
      '2',
      '--env',
      'prod',
    ];
    const { calls, out } = await ran([...words, ...more]);
    expect(calls[0]?.slice(0, 2)).toEqual(['put', 's']);
    expect(calls[0]?.[3]).toEqual({
      ...{ cron: '0 2 * * *', timeZone: 'Europe/Berlin', count: 5, overlap: 'skip', ifRevision: 2 },
      ...{ startAtMs: Date.UTC(2030, 0, 1, 1), store: { site: 'x' }, by: 'cli', env: 'prod' },
    });
    expect(out).toBe(`s  ACTIVE
  flow      f (abababababab)
  values    site
  cron      0 2 * * *  Europe/Berlin
  next      2030-01-03T01:00:00Z
  fired     2 of 5
  catch-up  last
  overlap   skip
  revision  3 by ann
last slots
  2030-01-02T01:00:00Z  skipped  1 missed
  2030-01-01T01:00:00Z  fired  s-20300101T010000Z
`);
  });

  it.each([
    [['--start', 'tomorrow'], /--start "tomorrow" must be a time with its offset/],
    [['--start', '2030-01-01T02:00:00'], /must be a time with its offset/],
    [['--overlap', 'maybe'], /Allowed choices are allow, skip, cancel-previous/],
  ])('put %j is refused', async (words, message) => {
    await expect(ran(['put', 's', flow, ...words])).rejects.toThrow(message);
  });

  it('list: a row each, on a pipe as cells', async () => {
    const { out } = await ran(['list'], { isTerminal: false });
    expect(out.split('\t')).toEqual([
      ...['s', 'ACTIVE', 'f', '0 2 * * *', 'Europe/Berlin'],
      ...['2030-01-03T01:00:00Z', '2030-01-02T01:00:00Z', '2/5\n'],
    ]);
  });

  it('pause, resume and delete change one, if it is the revision that was meant', async () => {
    expect((await ran(['pause', 's'], { format: 'name' })).out).toBe('s\n');
    expect((await ran(['resume', 's', '--if-revision', '3'])).calls[0]).toEqual([
      'resume',
      's',
      { by: 'cli', ifRevision: 3 },
    ]);
    const { calls, out } = await ran(['rm', 's'], { format: 'json' });
    expect([calls, JSON.parse(out)]).toEqual([
      [['delete', 's', { by: 'cli' }]],
      [{ scheduleId: 's', delete: 'done' }],
    ]);
  });
});
