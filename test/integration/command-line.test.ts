/** The command line as scripts use it: processes in, exit codes and text out. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, flowsModule } from '../support/cluster/cluster.js';
import { type CommandResult } from '../support/cluster/command.js';
import { baton } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';

/** One line that says what is wrong, one that says what to do, and nothing of our insides. */
function expectClearError({ stderr, stdout }: CommandResult): void {
  expect(stderr).toMatch(/^baton: [^\n]+ \(BATON_[A-Z_]+\)\n {2}→ [^\n]+\n$/);
  expect(stdout).toBe('');
}

describe('baton', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = new Cluster(realServices());
    await cluster.start({ conductors: 1, workers: 1 });
  });
  afterAll(() => cluster.dispose());

  const flow = (name: string): string => `${flowsModule}#${name}`;

  it('posts a job and waits for its end', async () => {
    const done = await cluster.baton('job', 'post', flowsModule, '--wait', '--timeout', '20s');
    expect(done.code).toBe(0);
    expect(done.stderr).toMatch(/^posted \S+\n$/);
    expect(done.stdout).toMatch(/^\S+\t✔ SUCCESS\n$/);
    const undone = await cluster.baton('job', 'post', flow('failing'), '--wait', '-o', 'json');
    expect(undone.code).toBe(3);
    expect(JSON.parse(undone.stdout)).toMatchObject([{ outcome: 'REVERTED' }]);
  });

  it('tells about a job', async () => {
    const set = ['--set', 'number=4', '--key', 'calculated'];
    expect((await cluster.baton('job', 'post', flow('calculation'), ...set, '--wait')).code).toBe(0);
    const got = await cluster.baton('job', 'get', 'calculated', '-o', 'json');
    expect(got.code).toBe(0);
    expect(JSON.parse(got.stdout)).toMatchObject({
      jobId: 'calculated',
      name: 'calculation',
      jobState: 'COMPLETE',
      outcome: 'SUCCESS',
      results: { doubled: 8, total: 12 },
    });
    const described = await cluster.baton('job', 'get', 'calculated');
    expect(described.stdout).toContain('calculation  calculated\njob    ');
    const listed = await cluster.baton('job', 'list', '-o', 'json');
    expect(JSON.parse(listed.stdout)).toEqual(
      expect.arrayContaining([expect.objectContaining({ jobId: 'calculated', flowState: 'SUCCESS' })]),
    );
  });

  it('follows a job to its end, as plain lines on a pipe', async () => {
    expect((await cluster.baton('job', 'post', flow('waiting'), '--key', 'watched')).stdout).toBe(
      'watched\n',
    );
    const watch = spawn(process.execPath, [baton, 'job', 'watch', 'watched', '--exit-status'], {
      env: cluster.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    for await (const line of createInterface({ input: watch.stdout })) {
      lines.push(line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ''));
      if (line.endsWith('gated RUNNING')) cluster.openGate('watched');
    }
    expect(lines[0]).toBe('posted waiting');
    expect(lines).toContain('◐ claimed by conductor-1');
    expect(lines.filter((line) => / (a|gated) /.test(line)).map((line) => line.slice(2))).toEqual([
      'a RUNNING',
      'a SUCCESS',
      'gated RUNNING',
      'gated SUCCESS',
    ]);
    expect(lines.at(-1)).toBe('● SUCCESS');
    expect(watch.exitCode ?? (await once(watch, 'exit'))[0]).toBe(0);
  });

  it('waits no longer than told, and cancels', async () => {
    await cluster.baton('job', 'post', flow('waiting'), '--key', 'cancelled');
    await cluster.did({ flowId: 'cancelled', atom: 'gated', phase: 'start' });
    const waited = await cluster.baton('job', 'wait', 'cancelled', '--timeout', '300ms');
    expect(waited).toMatchObject({ code: 124, stdout: '' });
    expect(waited.stderr).toContain('baton: job cancelled did not end within 300ms');
    expect((await cluster.baton('job', 'cancel', 'cancelled', '--reason', 'enough')).code).toBe(0);
    expect((await cluster.ended('cancelled')).outcome).toBe('REVERTED');
    const reverted = cluster.ledger({ flowId: 'cancelled', phase: 'end', action: 'revert' });
    expect(reverted.map(({ atom }) => atom)).toEqual(['gated', 'a']);
  });

  it('says when nobody is there to run the job that is waited for', async () => {
    const empty = new Cluster(realServices());
    try {
      const options = ['--wait', '--timeout', '300ms', '--key', 'alone'];
      const waited = await empty.baton('job', 'post', flow('waiting'), ...options);
      expect(waited.code).toBe(124);
      expect(waited.stderr).toContain('no conductor is up: job alone waits');
    } finally {
      await empty.dispose();
    }
  });

  it('tells of each job that cannot be cancelled', async () => {
    const refused = await cluster.baton('job', 'cancel', 'unknown-1', 'unknown-2');
    expect(refused.code).toBe(5);
    expect(refused.stderr).toMatch(/unknown-1[^]*unknown-2/);
  });

  it('takes the same post twice for one job, and refuses another under its key', async () => {
    const post = ['job', 'post', flow('calculation'), '--key', 'twice', '--set'];
    expect(await cluster.baton(...post, 'number=1')).toMatchObject({ code: 0, stdout: 'twice\n' });
    expect(await cluster.baton(...post, 'number=1')).toMatchObject({ code: 0, stdout: 'twice\n' });
    const other = await cluster.baton(...post, 'number=2');
    expect(other.code).toBe(6);
    expectClearError(other);
    expect((await cluster.ended('twice')).outcome).toBe('SUCCESS');
    expect(cluster.ledger({ flowId: 'twice', atom: 'sum', phase: 'start' })).toHaveLength(1);
  });

  it('shows the cluster', async () => {
    const status = await cluster.baton('cluster', 'status', '-o', 'json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      conductors: [{ id: 'conductor-1', pid: cluster.member('conductor-1').pid }],
      workers: [{ id: 'worker-2', concurrency: 16 }],
    });
  });

  it('examines the services', async () => {
    const well = await cluster.baton('cluster', 'doctor', '-o', 'json');
    expect(well.code).toBe(0);
    const checks = JSON.parse(well.stdout) as { check: string; state: string }[];
    expect(checks.filter(({ state }) => state === 'problem')).toEqual([]);
    expect(checks.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['node', 'jobboard', 'transport', 'store', 'clock']),
    );
    const ill = await cluster.baton('cluster', 'doctor', '-o', 'json', '--kafka', '127.0.0.1:1');
    expect(ill.code).toBe(9);
    expect(JSON.parse(ill.stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ check: 'transport', state: 'problem', remedy: expect.anything() }),
        expect.objectContaining({ check: 'jobboard', state: 'ok' }),
      ]),
    );
  });

  it.each([
    { wrong: 'an unknown job', args: ['job', 'get', 'no-such-job'], code: 5, says: 'no job no-such-job' },
    { wrong: 'an unknown flag', args: ['job', 'list', '--frobnicate'], code: 2, says: '--frobnicate' },
    { wrong: 'an unknown command', args: ['job', 'pots'], code: 2, says: 'pots' },
    { wrong: 'a bad duration', args: ['job', 'wait', 'x', '--timeout', 'soon'], code: 2, says: 'soon' },
    { wrong: 'a missing file', args: ['job', 'post', 'nowhere.json'], code: 2, says: 'nowhere.json' },
    { wrong: 'a missing symbol', args: ['job', 'post', flow('calculation')], code: 2, says: 'number' },
  ])('says what is wrong with $wrong, and what to do', async ({ args, code, says }) => {
    const result = await cluster.baton(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(says);
    expectClearError(result);
    const asJson = await cluster.baton(...args, '-o', 'json');
    expect(asJson.code).toBe(code);
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: {
        code: expect.stringMatching(/^BATON_/),
        message: expect.stringContaining(says),
        hint: expect.anything(),
      },
    });
  });

  it('says what is wrong with a flow in JSON', async () => {
    const file = join(cluster.effects, 'flow.json');
    writeFileSync(file, '{"schemaVersion":1,"root":{"kind":"spiral","name":"x"}}');
    const bad = await cluster.baton('job', 'post', file);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('BATON_DEFINITION_INVALID');
    expectClearError(bad);
  });

  it('gives up soon when the services are not there', async () => {
    const away = await Promise.all([
      cluster.baton('job', 'list', '--zookeeper', '127.0.0.1:1'),
      cluster.baton('job', 'list', '--mongodb', 'mongodb://127.0.0.1:1'),
    ]);
    for (const result of away) {
      expect(result.code).toBe(7);
      expectClearError(result);
      expect(result.tookMs).toBeLessThan(15_000);
    }
  }, 60_000);
});
