import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LogFields, SessionToken } from '@baton/core';
import { eventually, realClock } from '@baton/testkit';
import { runGuarded, type RunGuardedOptions } from './run-guarded.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const typescript = ['--conditions=source', '--import', path('../../../test/support/typescript.mjs')];

/** A killed process that its parent has not reaped yet still has a number, but runs no more. */
function isAlive(pid: number): boolean {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && !stdout.trim().startsWith('Z');
}

/** The number behind a word in what a process said; the last one when it said it often. */
function numberAfter(word: string, said: readonly string[]): number {
  const line = said.findLast((one) => one.startsWith(`${word} `));
  return Number(line?.slice(word.length + 1) ?? Number.NaN);
}

/** Runs a guard in this process over a child that does these deeds, and records what happens. */
async function guarded(deeds: readonly string[], options: Partial<RunGuardedOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'baton-guard-'));
  const said = (): string[] => readFileSync(join(folder, 'said'), 'utf8').trim().split('\n');
  const logged: [string, LogFields | undefined][] = [];
  const ended: (SessionToken & { holderIsAlive: boolean })[] = [];
  const left: (readonly (readonly [string, number])[])[] = [];
  const log = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  try {
    const code = await runGuarded({
      command: '/bin/sh', // keeps what the child says apart from jest's output, and becomes the child
      args: [
        '-c',
        'exec "$@" >>"$0"',
        join(folder, 'said'),
        process.execPath,
        ...typescript,
        path('fixtures/child.ts'),
        ...deeds,
      ],
      runtime: { clock: realClock, logger: { debug: log, info: log, warn: log, error: log } },
      hangMs: 0,
      restart: false,
      endSession: async (token, heads) => {
        ended.push({ ...token, holderIsAlive: isAlive(numberAfter('child', said())) });
        left.push(heads);
      },
      ...options,
    });
    return { code, ended, left, logged, said: said() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const messages = (logged: readonly [string, LogFields | undefined][]): string[] =>
  logged.map(([message]) => message);

describe('a guard', () => {
  it('ends the session a killed child announced last, once the child is gone', async () => {
    const { code, ended, said } = await guarded(['announce=first', 'announce=second', 'kill-later']);
    expect(code).toBe(137);
    expect(numberAfter('child', said)).toBeGreaterThan(1);
    expect(ended).toEqual([{ sessionId: 'second', secret: 'secret of second', holderIsAlive: false }]);
  });

  it('hears an announcement made in the very last moment', async () => {
    const { ended } = await guarded(['announce=last', 'kill']);
    expect(ended.map(({ sessionId }) => sessionId)).toEqual(['last']);
  });

  it('knows how far the jobs of a killed child were', async () => {
    const deeds = ['head=a:1', 'head=b:7', 'head=c:2', 'head=c:', 'head=a:3'];
    const { left } = await guarded(['announce=owner', ...deeds, 'kill-later']);
    expect(left.map((heads) => Object.fromEntries(heads))).toEqual([{ a: 3, b: 7 }]);
  });

  it('tells nothing of a former child when the next one dies', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-guard-'));
    const starts = join(folder, 'starts');
    const deeds = ['announce=again', `head-of-first=${starts}`, `exit-unless-third=${starts}`];
    const { left } = await guarded(deeds, { restart: true });
    rmSync(folder, { recursive: true });
    expect(left).toEqual([[['first', 1]], [], []]);
  });

  it('gives the exit code of the child, and leaves a session alone that the child has closed', async () => {
    const { code, ended } = await guarded(['announce=one', 'retract', 'exit=7']);
    expect({ code, ended }).toEqual({ code: 7, ended: [] });
  });

  it('kills a child whose event loop stands still', async () => {
    const { code, ended, logged } = await guarded(['announce=stuck', 'hang'], { hangMs: 300 });
    expect(code).toBe(137);
    expect(ended.map(({ sessionId, holderIsAlive }) => [sessionId, holderIsAlive])).toEqual([
      ['stuck', false],
    ]);
    const stalled = logged.find(([message]) => message === 'guard.child.stalled');
    expect(stalled?.[1]?.['remedy']).toContain("isolation: 'thread' or 'process'");
  });

  it('lets a child live that makes progress longer than the stall limit', async () => {
    const { code, logged } = await guarded(['announce=busy', 'exit-after=900'], { hangMs: 200 });
    expect(code).toBe(0);
    expect(messages(logged)).not.toContain('guard.child.stalled');
  });

  it('lets a child start slowly: what has no session yet holds nothing', async () => {
    const { code, logged } = await guarded(['block=900', 'announce=late', 'exit=0'], { hangMs: 200 });
    expect(code).toBe(0);
    expect(messages(logged)).not.toContain('guard.child.stalled');
  });

  it('ends what the child had started before it ends the session', async () => {
    const { said, ended } = await guarded(['announce=parent', 'descendant', 'kill-later']);
    expect(ended).toHaveLength(1);
    expect(numberAfter('descendant', said)).toBeGreaterThan(1);
    expect(isAlive(numberAfter('descendant', said))).toBe(false);
  });

  it('starts another child when told to, and ends the session of each', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-guard-'));
    const counter = join(folder, 'starts');
    const { code, ended, logged } = await guarded(['announce=again', `exit-unless-third=${counter}`], {
      restart: true,
    });
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(ended.map(({ holderIsAlive }) => holderIsAlive)).toEqual([false, false, false]);
    expect(messages(logged).filter((message) => message === 'guard.child.restarts')).toHaveLength(2);
  });

  it('does not start another child after an input error', async () => {
    const { code, logged } = await guarded(['exit=2'], { restart: true });
    expect(code).toBe(2);
    expect(messages(logged)).not.toContain('guard.child.restarts');
  });

  it('tries again when the session cannot be ended', async () => {
    let tries = 0;
    const { code } = await guarded(['announce=slow', 'exit=1'], {
      endSession: async () => {
        if (++tries < 3) throw new Error('nobody answers');
      },
    });
    expect({ code, tries }).toEqual({ code: 1, tries: 3 });
  });

  it('shows a token in no log, also when it cannot end the session', async () => {
    const { logged } = await guarded(['announce=hidden', 'hang'], {
      hangMs: 200,
      endSession: async () => Promise.reject(new Error('refused')),
    });
    expect(messages(logged)).toEqual(
      expect.arrayContaining(['guard.child.stalled', 'guard.session.not_ended']),
    );
    expect(JSON.stringify(logged)).not.toMatch(/hidden/);
  });

  it('reports a command that does not exist', async () => {
    const { code, logged } = await guardedMissing();
    expect(code).toBe(127);
    expect(messages(logged)).toContain('guard.child.not_started');
  });
});

async function guardedMissing() {
  const logged: [string, LogFields | undefined][] = [];
  const log = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  const code = await runGuarded({
    command: '/nowhere/baton',
    args: [],
    runtime: { clock: realClock, logger: { debug: log, info: log, warn: log, error: log } },
    hangMs: 0,
    restart: false,
    endSession: async () => undefined,
  });
  return { code, logged };
}

describe('a guard process', () => {
  let guard: ChildProcess | undefined;
  let said: string[] = [];
  let exited: Promise<unknown[]> | undefined;

  async function start(...deeds: readonly string[]): Promise<{ childPid: number }> {
    said = [];
    guard = spawn(process.execPath, [...typescript, path('fixtures/guard.ts'), ...deeds], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    exited = once(guard, 'exit');
    if (guard.stdout !== null) createInterface({ input: guard.stdout }).on('line', (line) => said.push(line));
    await eventually(() => said.some((line) => line.startsWith('child ')), { withinMs: 20_000 });
    return { childPid: numberAfter('child', said) };
  }

  afterEach(() => {
    const childPid = numberAfter('child', said);
    if (isAlive(childPid)) process.kill(childPid, 'SIGKILL');
    guard?.kill('SIGKILL');
  });

  it('passes SIGTERM on and ends with its child', async () => {
    const { childPid } = await start('announce=drained', 'drain', 'stay');
    guard?.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(isAlive(childPid)).toBe(false);
    expect(said).toContain('ended drained');
  });

  it('kills a child that is told to stop a second time', async () => {
    const { childPid } = await start('announce=stubborn', 'stubborn', 'stay');
    guard?.kill('SIGTERM');
    await eventually(() => said.includes('ignored'));
    guard?.kill('SIGTERM');
    expect(await exited).toEqual([137, null]);
    expect(isAlive(childPid)).toBe(false);
    expect(said).toContain('ended stubborn');
  });

  it('that is killed itself is noticed by its child', async () => {
    const { childPid } = await start('announce=orphan', 'alone', 'stay');
    guard?.kill('SIGKILL');
    await eventually(() => said.includes('guard gone') && !isAlive(childPid));
    expect(said).not.toContain('ended orphan');
  });
});
