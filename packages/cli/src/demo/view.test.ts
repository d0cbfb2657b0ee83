import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '@baton/core';
import { noFence } from '@baton/core';
import { foldEntry, newJobModel, type JobModel } from './run-model.js';
import { renderView, viewColumns, viewLines, type ViewState } from './view.js';

const entry = (more: Partial<JournalEntry>): JournalEntry =>
  ({
    flowId: 'j',
    seq: 1,
    fence: noFence,
    opId: 'o',
    atMs: 0,
    facts: [],
    kind: 'turn',
    ...more,
  }) as JournalEntry;

function runningJob(name: string, owners: readonly string[]): JobModel {
  const job = newJobModel(`id-${name}`, name, 4);
  for (const member of owners)
    foldEntry(
      job,
      entry({ kind: 'claim', claim: { member, life: 1, replyPartition: 0, replyFrom: 0, claims: 1 } }),
    );
  foldEntry(
    job,
    entry({
      facts: [
        { fact: 'atom', atom: 'hash-1', from: 'RUNNING', to: 'SUCCESS' },
        { fact: 'atom', atom: 'compress-1', from: 'PENDING', to: 'RUNNING' },
        {
          fact: 'request',
          requestId: 'r',
          atom: 'compress-1',
          action: 'execute',
          state: 'assigned',
          delivery: 2,
          losses: 1,
          worker: 'w1',
          workerEpoch: 'e1',
          requestPartition: 0,
          replyPartition: 0,
          replyFrom: 0,
        },
      ],
    }),
  );
  return job;
}

const state = (more: Partial<ViewState> = {}): ViewState => ({
  title: 'embedded server, 3 conductors, 3 workers',
  elapsedMs: 74_000,
  members: [
    { id: 'c1', kind: 'conductor', state: 'up' },
    { id: 'c2', kind: 'conductor', state: 'lost', lostMs: 2_100 },
    { id: 'w1', kind: 'worker', state: 'up' },
    { id: 'w2', kind: 'worker', state: 'starting' },
  ],
  jobs: [runningJob('release-core', ['c2', 'c1'])],
  failovers: [],
  events: [],
  ...more,
});

describe('the view', () => {
  it('shows members, jobs with their owners, and totals', () => {
    const lines = renderView(state());
    expect(lines[0]).toMatch(/^ baton demo {3}embedded server.* \[k\]ill \[q\]uit {2}01:14$/);
    expect(lines[2]).toContain('c1 ▶ jobs 1');
    expect(lines[2]).toContain('w1 ▶ ▮▯▯▯▯▯▯▯▯▯ compress×1');
    expect(lines[3]).toContain('c2 ✖ LOST 2.1s jobs 0');
    expect(lines[3]).toContain('w2 …');
    expect(lines[2]).toContain('jobs  ● 0 of 1');
    expect(lines.find((line) => line.includes('release-core'))).toMatch(
      /▶ release-core +███░+ +1\/4 +c2 → c1 +▶ compress-1$/,
    );
  });

  it('keeps its columns when a member is lost', () => {
    const members = (lostMs?: number): ViewState['members'] =>
      ['c1', 'w1'].map((id) => ({
        id,
        kind: id === 'c1' ? ('conductor' as const) : ('worker' as const),
        ...(lostMs === undefined ? { state: 'up' as const } : { state: 'lost' as const, lostMs }),
      }));
    const jobs = [runningJob('release-core', ['c1'])];
    const [up, lost] = [undefined, 12_345].map(
      (lostMs) => renderView(state({ members: members(lostMs), jobs }))[2] ?? '',
    );
    for (const text of ['w1 ', 'jobs  ●']) expect(lost?.indexOf(text)).toBe(up?.indexOf(text));
    expect(lost).toContain('c1 ✖ LOST 12.3s jobs 1');
    expect(lost).toContain('w1 ✖ LOST 12.3s compress×1');
  });

  it('leaves a line of 24 to the cursor, and takes no more than 80 characters, whatever there is to say', () => {
    const jobs = Array.from({ length: 9 }, (_, index) =>
      runningJob(`release-${'x'.repeat(40)}${index}`, ['c1', 'c2', 'c3', 'c1']),
    );
    const failovers = Array.from({ length: 7 }, (_, index) => ({
      member: 'c1',
      kind: index % 2 === 0 ? ('conductor' as const) : ('worker' as const),
      detectMs: 10_000.1,
      claimMs: 10_000.1,
      resumeMs: 10_000.1,
      totalMs: 30_000.3,
      jobs: 2,
      requests: 10_000,
      guardMs: 12,
    }));
    const events = Array.from({ length: 40 }, (_, index) => `event ${index} ${'long '.repeat(30)}`);
    const lines = renderView(state({ jobs, failovers, events }));
    expect(lines.length).toBeLessThanOrEqual(23);
    expect(viewLines).toBe(23);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(viewColumns);
    expect(lines.filter((line) => line.includes('⇒'))).toHaveLength(4);
  });

  it('keeps the newest events and lets no text move the cursor', () => {
    const lines = renderView(
      state({ events: [...Array.from({ length: 30 }, (_, index) => `old ${index}`), 'new\u001b[2J'] }),
    );
    expect(lines).toHaveLength(23);
    expect(lines.at(-1)).toBe(' new·[2J');
    expect(lines.some((line) => line.endsWith('old 0'))).toBe(false);
  });

  it('shows how a job ended', () => {
    const job = runningJob('refused', ['c1']);
    foldEntry(job, entry({ kind: 'terminal', outcome: 'REVERTED' }));
    const line = renderView(state({ jobs: [job] })).find((text) => text.includes('refused'));
    expect(line).toMatch(/^ ⟲ refused/);
    expect(renderView(state({ jobs: [job] }))[2]).toContain('▯▯▯▯▯▯▯▯▯▯');
  });
});
