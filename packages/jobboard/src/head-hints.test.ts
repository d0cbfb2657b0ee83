import { NotFoundError, type CoordinationSession } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { SimulatedCoordination, fakeRuntime } from '@baton/testkit';
import { HeadHints, headHintWords } from './head-hints.js';
import { JobBoard } from './job-board.js';
import { BoardPaths } from './layout.js';

const textOf = (words: ReturnType<typeof headHintWords>): string => Buffer.from(words?.data ?? []).toString();

describe('the last words of a conductor', () => {
  it('are its heads as JSON, at their place on the board', () => {
    const words = headHintWords('default', [
      ['job-1', 4],
      ['job-2', 0],
    ]);
    expect(words?.path).toBe('/boards/default/heads');
    expect(JSON.parse(textOf(words))).toEqual({ 'job-1': 4, 'job-2': 0 });
  });

  it('are none without any head: those of others stay', () => {
    expect(headHintWords('default', [])).toBeUndefined();
  });

  it('have a bound: the first ones are said', () => {
    const heads = Array.from({ length: 12_000 }, (_, n) => [`${n}-${'j'.repeat(40)}`, 1_000 + n] as const);
    const words = headHintWords('default', heads);
    expect(words?.data.length).toBeLessThanOrEqual(512 * 1024);
    expect(words?.data.length).toBeGreaterThan(512 * 1024 - 100);
    const said = Object.entries(JSON.parse(textOf(words)) as object);
    expect(said).toEqual(heads.slice(0, said.length));
  });
});

describe('the place of the last words', () => {
  const paths = new BoardPaths('default');

  it('is made on a board that an earlier version made without it', async () => {
    const runtime = fakeRuntime();
    const { clock } = runtime;
    const session = await clock.drive(new SimulatedCoordination(runtime).connect({ timeoutMs: 60_000 }));
    const open = () => clock.drive(JobBoard.open({ session, board: 'default', runtime, memberId: 'm' }));
    await open();
    await clock.drive(session.delete(paths.heads));
    await open();
    expect(await clock.drive(session.exists(paths.heads))).toBeDefined();
  });

  it('is looked for once a session when it is not there, not once a claim', async () => {
    let reads = 0;
    const get = (path: string) => {
      reads++;
      return Promise.reject(new NotFoundError('BATON_NOT_FOUND_NODE', `no node ${path}`));
    };
    const session = { get } as Partial<CoordinationSession> as CoordinationSession;
    const hints = new HeadHints({ session, paths, logger: fakeRuntime().logger });
    for (let claim = 0; claim < 20; claim++) expect(await hints.of(`job-${claim}`)).toBeUndefined();
    expect(reads).toBe(1);
  });
});
