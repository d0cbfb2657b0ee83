import type { JsonValue } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { type Answer, compileExpression, lastExpressionSteps } from './expression.js';
import { ExpressionError } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';
import { randomSource, randomData } from './fixtures/random-expression.js';

const names = {
  variables: new Set(['history']),
  short: {
    of: 'history',
    names: new Set(['a', 'b', 'gone', 'volume.create', 'many', 'rows', 'long', 'needle']),
  },
};
const many = Array.from({ length: 10_000 }, (_, index) => index);
const rows = many.slice(0, 4_000).map((n) => ({ n, ok: true, s: `x${n}` }));
const history: Record<string, JsonValue> = {
  a: { ok: true, n: 3, s: 'hello', list: [1, 2, 3], nothing: null, day: '2026-11-21' },
  b: { ok: false },
  'volume.create': { id: 'v1' },
  many,
  rows,
  long: 'a'.repeat(16_000),
  needle: `b${'a'.repeat(8_000)}`,
};

function answer(source: string): Answer {
  return compileExpression(source, names).evaluate({ history });
}

/** Milliseconds of CPU, of all threads. */
function cpuOf(action: () => unknown): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function faultOf(action: () => unknown): { message: string; offset: number | undefined } {
  try {
    return { message: `no fault, but ${String(action())}`, offset: undefined };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { message: error.message, offset: error.offset };
  }
}

describe('an expression', () => {
  it.each<[string, Answer]>([
    ['history.a.ok == true', true],
    ['a.ok && !b.ok', true],
    ['history["volume.create"].id == "v1"', true],
    ['a.n == 3', true],
    ['a.n + 1 > 3 && a.n * 2 == 6 && 7 - a.n == 4 && a.n % 2 == 1', true],
    ['a.list[a.n - 3]', 1],
    ['has(a.nothing) && a.nothing == null && !has(a.missing)', true],
    ['has(history.gone)', false],
    ['gone.ok || a.ok', true],
    ['a.list.exists(x, x > 2) && a.list.all(x, x < 4) && a.list.exists_one(x, x == 1)', true],
    ['a.list.map(x, x * 2).filter(x, x > 2) == [4, 6]', true],
    ['2 in a.list && "ok" in a && size(a.list) == 3 && a.s.size() == 5', true],
    ['a.day.matches("^\\\\d{4}-\\\\d{2}-\\\\d{2}$")', true],
    ['a.s.startsWith("he") && a.s.contains("ll") && a.s.endsWith("o")', true],
    ['type(a.n) == double ? string(a.n) + "!" : "?"', '3!'],
    ['int("12") + 1', 13n],
    ['a.list', undefined],
    ['rows.all(r, r.ok && r.n >= 0)', true],
    ['many.all(x, x >= 0)', true],
  ])('%s', (source, expected) => {
    expect(answer(source)).toBe(expected);
  });

  it.each([
    ['a.missing', 'no such key: missing', 1],
    ['a.constructor', 'no such key: constructor', 1],
    ['a["__proto__"]', 'no such key: __proto__', 1],
    ['gone.ok', 'no such key: gone', 0],
    ['a.list[3]', 'no element 3 in a list of 3', 6],
    ['a.ok + 1', "found no matching overload for '_+_'", 5],
    ['a.n || true == false', 'neither true nor false: double', 4],
    ['1 / 0', 'int divide by zero', undefined],
  ])('%s has no answer: %s', (source, message, offset) => {
    const fault = faultOf(() => answer(source));
    expect(fault.message).toContain(message);
    if (offset !== undefined) expect(fault.offset).toBeDefined();
  });

  it.each([
    ['a.ok ==', 'is no CEL', 5],
    ['', 'is no CEL', 0],
    ['foo.ok', 'uses foo, which it is not given; there are history, history["a"]', 0],
    ['a.ok && history.foo', 'uses history.foo', 15],
    ['a.list.all(x, y)', 'uses y', 14],
    ['timestamp("2026-01-01T00:00:00Z") > a.day', 'calls timestamp, which is not available', 0],
    ['a.day.getHours()', 'calls getHours', 5],
    ['{"a": 1}.a == 1', 'makes a map or a message', 0],
    ['b"x" == b"x"', 'has bytes', undefined],
    ['a.list.all(x, a.list.all(y, x == y))', 'has a comprehension inside another one', undefined],
    [`${'('.repeat(40)}1${')'.repeat(40)}`, 'has brackets nested deeper than 32', 32],
    [`${'1+'.repeat(60)}1`, 'is nested deeper than 32', undefined],
    ['a'.repeat(5_000), 'is longer than 4096 characters', undefined],
    [`a${'||a'.repeat(400)}`, 'has more than 300 names, literals and operators', undefined],
  ])('%.40s is refused: it %s', (source, message, offset) => {
    const fault = faultOf(() => compileExpression(source, names));
    expect(fault.message).toContain(message);
    if (offset !== undefined) expect(fault.offset).toBe(offset);
  });

  it.each([
    'many.map(x, x)',
    'rows.exists(x, x.missing)',
    'many.exists(x, gone.ok || false)',
    'long.contains(needle)',
    'many.all(x, many == many)',
    'many.all(x, x in many)',
    'many.all(x, long != long + "a")',
    'many.map(x, long + long).map(x, x + x).map(x, x + x) == []',
    'long.matches("(.*)(.*)(.*)(.*)(.*)b")',
    'a.s.matches("(a{100}){9}") || rows.exists(x, x.s.matches("(x{100}){9}"))',
    'rows.all(r, rows == rows)',
    '(many + many).all(x, true)',
    'many.exists(x, many + many == [x])',
  ])('%s costs too much, and is ended even where `||` would swallow an error', (source) => {
    const messages = [source, `(${source}) == 1 || true`].map((text) => faultOf(() => answer(text)).message);
    for (const message of messages) expect(message).toMatch(/takes more than 100000 steps|longer than 10000/);
  });

  it.each([
    // its like took 100 ms of CPU when an error was paid for with 60 steps
    [Array(9).fill('(few + few).exists(x, (9223372036854775807).missing)').join(' + ')],
    [Array(9).fill('few.exists(x, gone.ok || gone.ok)').join(' || ')],
  ])('%.60s… is ended after a few hundred errors', (source) => {
    const few = many.slice(0, 200);
    const of = { ...names.short, names: new Set([...names.short.names, 'few']) };
    const expression = compileExpression(source, { ...names, short: of });
    expect(faultOf(() => expression.evaluate({ history: { few } })).message).toContain(
      'takes more than 100000 steps',
    );
  });

  it('reads data only up to its limits', () => {
    let deep: JsonValue = 1;
    for (let level = 0; level < 40; level++) deep = [deep];
    const reading = compileExpression('history.a == 1', names);
    expect(faultOf(() => reading.evaluate({ history: { a: deep } })).message).toContain(
      'nested deeper than 32',
    );
    const wide = Array.from({ length: 10_001 }, () => 1);
    expect(faultOf(() => reading.evaluate({ history: { a: wide } })).message).toContain(
      'a list longer than 10000',
    );
    const large = Array.from({ length: 9 }, () => many.slice(0, 9_000));
    expect(faultOf(() => reading.evaluate({ history: { a: large } })).message).toContain(
      'more than 30000 values',
    );
    // what it does not read is not looked at
    expect(reading.evaluate({ history: { a: 1, b: wide } })).toBe(true);
  });

  it('takes the same steps for the same data', () => {
    const steps = [1, 2].map(() => {
      answer('rows.filter(r, r.n > 100 && r.s.contains("9")).size() > 3');
      return lastExpressionSteps();
    });
    expect(steps[0]).toBe(steps[1]);
  });

  it('gives an answer or an ExpressionError, whatever it is, within its steps', () => {
    // BATON_FUZZ=100000 for the long run, which also looks at the time
    const rounds = Number(process.env['BATON_FUZZ'] ?? 500);
    const outcomes = { answered: 0, refused: 0, failed: 0 };
    const slowest = { ms: 0, source: '' };
    for (let seed = 1; seed <= rounds; seed++) {
      const source = randomSource(seed);
      const data = { history: randomData(seed) };
      const outcome = (): keyof typeof outcomes => {
        let compiled = false;
        try {
          const expression = compileExpression(source, names);
          compiled = true;
          expression.evaluate(data);
          return 'answered';
        } catch (error) {
          if (error instanceof ExpressionError) return compiled ? 'failed' : 'refused';
          throw new Error(`seed ${seed}: ${source}`, { cause: error });
        }
      };
      let ms = cpuOf(() => {
        const came = outcome();
        outcomes[came]++;
        if (came === 'answered') expect(lastExpressionSteps()).toBeLessThanOrEqual(expressionLimits.fuel);
      });
      // once more when it is slow: a first run may pay for the garbage of those before it, and for being compiled
      for (let again = 0; again < 3 && ms > 25; again++) ms = Math.min(ms, cpuOf(outcome));
      if (ms > slowest.ms && seed > 100) Object.assign(slowest, { ms, source });
    }
    if (process.env['BATON_FUZZ']) process.stderr.write(`${JSON.stringify({ outcomes, slowest })}\n`);
    // enough of each kind for the run to say something about it; their shares change with the seeds
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(Math.min(rounds / 200, 50));
    if (process.env['BATON_FUZZ']) {
      expect(slowest.ms).toBeLessThan(50);
    }
  }, 600_000);
});
