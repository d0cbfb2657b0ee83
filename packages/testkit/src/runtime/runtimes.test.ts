import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { eventually } from './eventually.js';
import { leakCheck } from './leak-check.js';
import { fakeRuntime, realRuntime } from './runtimes.js';

describe('SeededRandom', () => {
  const draw = (seed: number) => {
    const { random } = fakeRuntime({ seed });
    return [random.ulid(), random.nonce(), random.fraction(), random.ulid()];
  };

  it('repeats itself for a seed and differs between seeds', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(realRuntime().random.nonce()).not.toBe(realRuntime().random.nonce());
  });

  it('makes ULIDs that sort by time, also within a millisecond', async () => {
    const { clock, random } = fakeRuntime();
    const ids = Array.from({ length: 50 }, () => random.ulid());
    await clock.advance(1);
    ids.push(random.ulid());
    for (const id of ids) expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(51);
  });

  it('spreads fractions over [0, 1) and nonces over 128 bits', () => {
    const { random } = fakeRuntime();
    const fractions = Array.from({ length: 2_000 }, () => random.fraction());
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...fractions)).toBeLessThan(1);
    const mean = fractions.reduce((sum, each) => sum + each, 0) / fractions.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    expect(random.nonce()).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('CapturingLogger', () => {
  it('keeps lines with their fields, by level', () => {
    const { logger } = fakeRuntime();
    logger.info('claimed', { jobId: 'J1' });
    logger.warn('lost');
    expect(logger.lines[0]).toEqual({ level: 'info', message: 'claimed', fields: { jobId: 'J1' } });
    expect([logger.messages(), logger.messages('warn')]).toEqual([['claimed', 'lost'], ['lost']]);
  });
});

describe('the real clock', () => {
  it('calls back in a later turn, and not after cancelling', async () => {
    const { clock } = realRuntime();
    const seen: string[] = [];
    const cancel = clock.setTimer(1, () => seen.push('cancelled'));
    cancel();
    clock.setImmediate(() => seen.push('immediate'));
    expect(seen).toEqual([]);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['immediate']);
  });
});

describe('eventually', () => {
  it('gives the first truthy answer, and forgets earlier failures', async () => {
    let calls = 0;
    const probe = () => {
      if (++calls < 3) throw new Error('not yet');
      return calls < 5 ? undefined : 'there';
    };
    expect(await eventually(probe)).toBe('there');
    expect(calls).toBe(5);
  });

  it('names what did not happen, with the last reason', async () => {
    const probe = () => Promise.reject(new Error('still closed'));
    await expect(eventually(probe, { withinMs: 5, what: 'the door opens' })).rejects.toMatchObject({
      message: 'did not happen within 5 ms: the door opens',
      cause: { message: 'still closed' },
    });
  });
});

describe('leakCheck', () => {
  it('names a server and a child process that are still there, and accepts when they are gone', async () => {
    const leaks = leakCheck();
    const server = createServer().listen(0, '127.0.0.1');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    try {
      const found = leaks.verify({ withinMs: 20 });
      await expect(found).rejects.toThrow(/^leaked: (?=.*1 TCPServerWrap)(?=.*1 ProcessWrap)/);
    } finally {
      const ended = Promise.all([once(child, 'exit'), once(server, 'close')]);
      child.kill('SIGKILL');
      server.close();
      await ended;
    }
    await leaks.verify();
  });
});
