import { describe, expect, it } from '@jest/globals';
import { NotFoundError, type Fact, type JournalEntry } from '@baton/core';
import type { AtomReport } from './atom-report.js';
import type { Client } from './client.js';
import { runReport } from './run-report.js';

interface Told {
  readonly atoms: readonly AtomReport[];
  /** By the second. */
  readonly facts?: Readonly<Record<number, Fact>>;
  readonly outcome?: 'SUCCESS' | 'REVERTED';
}

/** Of jobs as they are told of; which of them were read, is noted. */
function reader(jobs: Readonly<Record<string, Told>>) {
  const read: string[] = [];
  const client = {
    job: (jobId: string) => {
      read.push(jobId);
      const told = jobs[jobId];
      if (told === undefined) return Promise.reject(new NotFoundError('BATON_NOT_FOUND_JOB', jobId));
      const { atoms, outcome } = told;
      const times = { postedAtMs: 0, updatedAtMs: 9_000 };
      return Promise.resolve({
        name: jobId,
        flowState: outcome ?? 'RUNNING',
        outcome,
        ...times,
        redelivered: 1,
        atoms,
      });
    },
    history: (jobId: string) =>
      Promise.resolve(
        Object.entries(jobs[jobId]?.facts ?? {}).map(
          ([second, fact]) => ({ atMs: Number(second) * 1_000, facts: [fact] }) as unknown as JournalEntry,
        ),
      ),
  };
  return { read, client: client as unknown as Pick<Client, 'job' | 'history'> };
}

const done: AtomReport = { name: 'a', kind: 'task', state: 'SUCCESS', attempt: 2 };
const failure = { types: ['Error'], message: 'no' } as unknown as NonNullable<AtomReport['failure']>;
const failed: AtomReport = { name: 'b', kind: 'task', state: 'FAILURE', failure };
const sub = (name: string, child: string): AtomReport => ({
  name,
  kind: 'activation',
  state: 'SUCCESS',
  child,
});
const toldOnce = { atoms: [done], outcome: 'SUCCESS' } as const;

describe('the report of a run (C-1604)', () => {
  it('tells when each atom ran first, and how long it took with all that became of it', async () => {
    const facts: Record<number, Fact> = {
      1: { fact: 'atom', atom: 'a', from: 'PENDING', to: 'RUNNING' },
      2: { fact: 'atom', atom: 'c', from: 'PENDING', to: 'RUNNING' },
      4: { fact: 'atom', atom: 'a', from: 'RUNNING', to: 'SUCCESS' },
      // nobody ran it
      5: { fact: 'atom', atom: 'd', from: 'PENDING', to: 'IGNORE' },
      6: { fact: 'atom', atom: 'a', from: 'SUCCESS', to: 'REVERTING' },
      8: { fact: 'atom', atom: 'a', from: 'REVERTING', to: 'REVERTED' },
    };
    const states = { a: 'REVERTED', c: 'RUNNING', d: 'IGNORE' } as const;
    const atoms = Object.entries(states).map(([name, state]): AtomReport => ({ name, kind: 'task', state }));
    const { client } = reader({ j: { atoms, facts } });
    expect(await runReport(client, 'j')).toEqual({
      ...{ jobId: 'j', name: 'j', flowState: 'RUNNING', postedAtMs: 0, durationMs: 9_000 },
      figures: { jobs: 1, atoms: { REVERTED: 1, RUNNING: 1, IGNORE: 1 }, redelivered: 1, leftOut: 0 },
      atoms: [
        { name: 'a', kind: 'task', state: 'REVERTED', startedAtMs: 1_000, durationMs: 7_000 },
        { name: 'c', kind: 'task', state: 'RUNNING', startedAtMs: 2_000 },
        { name: 'd', kind: 'task', state: 'IGNORE' },
      ],
    });
  });

  it('holds child runs to the depth that is wanted, counts them in, and says what it leaves out', async () => {
    const jobs = {
      j: { atoms: [done, sub('s', 'k'), sub('t', 'not-there-yet')] },
      k: { atoms: [done, sub('s', 'l')] },
      l: toldOnce,
    };
    const whole = await runReport(reader(jobs).client, 'j');
    expect(whole.figures).toEqual({ jobs: 3, atoms: { SUCCESS: 6 }, redelivered: 3, leftOut: 0 });
    expect(whole.atoms[1]?.child?.atoms[1]?.child).toMatchObject({ jobId: 'l', outcome: 'SUCCESS' });
    expect(whole.atoms[2]).toEqual({
      name: 't',
      kind: 'activation',
      state: 'SUCCESS',
      childJob: 'not-there-yet',
    });
    const { client, read } = reader(jobs);
    const flat = await runReport(client, 'j', { maxDepth: 0 });
    expect([flat.figures, read]).toEqual([
      { jobs: 1, atoms: { SUCCESS: 3 }, redelivered: 1, leftOut: 2 },
      ['j'],
    ]);
    await expect(runReport(client, 'nobody')).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
  });

  it('reads 200 jobs at most', async () => {
    const names = Array.from({ length: 250 }, (_, n) => `k${n}`);
    const children = Object.fromEntries(names.map((name) => [name, toldOnce]));
    const { client, read } = reader({
      j: { atoms: names.map((name) => sub(`at-${name}`, name)) },
      ...children,
    });
    expect((await runReport(client, 'j')).figures).toMatchObject({ jobs: 200, leftOut: 51 });
    expect(read).toHaveLength(200);
  });

  it('of errors alone keeps the way to each', async () => {
    const jobs = {
      j: { atoms: [done, sub('good', 'k'), sub('bad', 'l'), sub('undone', 'm')] },
      k: toldOnce,
      l: { atoms: [done, failed] },
      m: { ...toldOnce, outcome: 'REVERTED' },
    } as const;
    const { atoms, figures } = await runReport(reader(jobs).client, 'j', { errorsOnly: true });
    expect(atoms.map(({ name, child }) => [name, child?.atoms.map((atom) => atom.name)])).toEqual([
      ['bad', ['b']],
      ['undone', []],
    ]);
    expect(figures.atoms).toEqual({ SUCCESS: 7, FAILURE: 1 });
  });
});
