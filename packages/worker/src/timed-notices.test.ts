import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { AcceptedNotices } from './accepted-notices.js';
import { ProgressReports } from './progress-reports.js';

describe('AcceptedNotices', () => {
  it('tells each request 100 ms after it came, with one timer', async () => {
    const { clock } = fakeRuntime();
    const due: [number, string][] = [];
    const notices = new AcceptedNotices(clock, (id) => due.push([clock.monotonicMs(), id]));
    notices.received('a');
    notices.received('b');
    await clock.advance(60);
    notices.received('c');
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(500);
    expect(due).toEqual([
      [100, 'a'],
      [100, 'b'],
      [160, 'c'],
    ]);
    notices.received('d');
    notices.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('ProgressReports', () => {
  it('sends the first at once and then the latest at most every 200 ms per request', async () => {
    const { clock } = fakeRuntime();
    const sent: [number, string, number][] = [];
    const reports = new ProgressReports(clock, (id, { fraction }) =>
      sent.push([clock.monotonicMs(), id, fraction]),
    );
    const report = (id: string, fraction: number) => reports.report(id, { fraction, message: undefined });
    for (let step = 1; step <= 50; step++) {
      report('a', step / 100);
      await clock.advance(10);
    }
    report('b', 0.9);
    report('b', 1);
    reports.end('b');
    await clock.advance(1_000);
    expect(sent).toEqual([
      [0, 'a', 0.01],
      [200, 'a', 0.2],
      [400, 'a', 0.4],
      [500, 'b', 0.9],
      [600, 'a', 0.5],
    ]);
    expect(clock.pendingTimers).toBe(0);
  });
});
