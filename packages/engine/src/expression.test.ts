import type { JsonValue } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { type Answer, compileExpression, lastExpressionSteps } from './expression.js';
import { ExpressionError } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';
import { hostileExpressions } from './fixtures/hostile-expressions.js';
import { randomSource, randomData } from './fixtures/random-expression.js';

const names = {
  variables: new Set(['history']),
  short: {
    of: 'history',
    names: new Set('a b gone volume.create many copy rows long needle wide deep sameDeep'.split(' ')),
  },
};
const many = Array.from({ length: 10_000 }, (_, index) => index);
const rows = many.slice(0, 4_000).map((n) => ({ n, ok: true, s: `x${n}` }));
const nested = (depth: number): JsonValue => (depth === 0 ? [] : [nested(depth - 1)]);
const history: Record<string, JsonValue> = {
  a: { ok: true, n: 3, s: 'hello', list: [1, 2, 3], nothing: null, day: '2026-11-21' },
  b: { ok: false },
  'volume.create': { id: 'v1' },
  many,
  copy: [...many],
  rows,
  wide: Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`k${index}`, index])),
  deep: nested(100),
  sameDeep: nested(100),
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
  return cpuSince(before);
}

function cpuSince(before: NodeJS.CpuUsage): number {
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
    ['many.map(x, x).size() == 10000', true],
    ['1.0 == 1 && 1u == 1 && 1 < 1.5 && 2u > 1 && [1, [2]] == [1.0, [2u]]', true],
    ['size("a💥b") == 3 && "x" + "y" in ["xy"]', true],
    ['a.list.map(x, x > 1, x * 10) == [20, 30]', true],
    ['rows.exists(r, r.missing == 1 || r.n == 3)', true],
    ['b.exists(k, k == "ok") && a.exists(k, k == "list")', true],
    ['7 / 2 == 3 && -7 % 3 == -1 && 7.0 / 2.0 == 3.5 && a.n % a.n == 0', true],
  ])('%s', (source, expected) => {
    expect(answer(source)).toBe(expected);
  });

  it.each([
    ['a.missing', 'no such key: missing', 1],
    ['a.constructor', 'no such key: constructor', 1],
    ['a["__proto__"]', 'no such key: __proto__', 1],
    ['gone.ok', 'no such key: gone', 0],
    ['a.list[3]', 'no element 3 in a list of 3', 6],
    ['a.ok + 1', '+ is not defined for bool and int', 5],
    ['-a.s', '- is not defined for string', 0],
    ['9223372036854775807 + 1 == 0', 'int overflow', undefined],
    ['int("x")', 'the text is no integer', 0],
    ['a.s.matches("[")', 'the text is no regular expression', 3],
    ['a.list.map(x, x.y) == []', 'no field y in double', undefined],
    ['history["b" + a.s]', 'no such key: bhello', undefined],
    ['a.n || true == false', 'neither true nor false: double', 4],
    ['1 / 0', 'int divide by zero', undefined],
  ])('%s has no answer: %s', (source, message, offset) => {
    const fault = faultOf(() => answer(source));
    expect(fault.message).toContain(message);
    if (offset !== undefined) expect(fault.offset).toBeDefined();
  });

  it.each([
    ['a.ok ==', 'is no CEL: it ends where a value should be', 7],
    ['a.ok b', 'is no CEL: it has b where its end should be', 5],
    ['a.ok # b', 'is no CEL: "#"', 5],
    ['[1, 2', 'is no CEL: it ends where , or ] should be', 5],
    ['"\\q" == a.s', 'is no CEL: the escape \\', 0],
    ['has(a)', 'is no CEL: has() takes a selection', 0],
    ['a.list.all(x.y, true)', 'is no CEL: all() begins with the name of a variable', 6],
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
    ['99999999999999999999 > 1', 'has a number that is too large', 0],
    ['1e999 > 1.0', 'has a number that is too large', 0],
    ['contains(a.s, "l")', 'calls contains with operands it does not take', undefined],
    ['size(a, b)', 'calls size with operands it does not take', undefined],
    [`a${'||a'.repeat(400)}`, 'has more than 300 names, literals and operators', undefined],
  ])('%.40s is refused: it %s', (source, message, offset) => {
    const fault = faultOf(() => compileExpression(source, names));
    expect(fault.message).toContain(message);
    if (offset !== undefined) expect(fault.offset).toBe(offset);
  });

  it.each([
    'many.exists(x, gone.ok || gone.ok || false || !true || !true)',
    'long.contains(needle)',
    'many.all(x, many == copy)',
    'many.all(x, x in many)',
    'many.all(x, long != long + "a")',
    'many.map(x, long + long).map(x, x + x).map(x, x + x) == []',
    'long.matches("(.*)(.*)(.*)(.*)(.*)b")',
    'a.s.matches("(a{100}){9}") || rows.exists(x, x.s.matches("(x{100}){9}"))',
    'rows.all(r, rows == [] + rows)',
    '(many + many).all(x, true)',
    'many.exists(x, many + many == [x])',
    'many.map(x, [x, x]).map(x, x + x).map(x, x + x + x) == []',
    'size(wide) > 0',
    'many.exists(x, x == bool(long) || x == bool(long))',
    'deep == sameDeep',
  ])('%s costs too much, and is ended even where `||` would swallow an error', (source) => {
    const messages = [source, `(${source}) == 1 || true`].map((text) => faultOf(() => answer(text)).message);
    for (const message of messages)
      expect(message).toMatch(/takes more than 30000 steps|than 10000|nested deeper than 64/);
  });

  it('joins what map and filter make in linear time, and pays for it so', () => {
    const stepsOf = (size: number): number => {
      const expression = compileExpression('a.filter(x, x >= 0).map(x, x * 2) == []', names);
      expect(expression.evaluate({ history: { a: many.slice(0, size) } })).toBe(false);
      return lastExpressionSteps();
    };
    expect(stepsOf(4_000) / stepsOf(1_000)).toBeCloseTo(4, 1);
  });

  it('does not copy data, and pays for what it touches only', () => {
    const touched: string[] = [];
    const watched = new Proxy(
      { ok: true, large: 'x'.repeat(1_000_000) },
      { get: (target, key) => (touched.push(String(key)), Reflect.get(target, key) as JsonValue) },
    );
    const expression = compileExpression('history.a.ok', names);
    expect(expression.evaluate({ history: { a: watched as JsonValue } })).toBe(true);
    expect(touched).toEqual(['ok']);
    expect(lastExpressionSteps()).toBe(2);
  });

  it('says no more of a long value than its beginning', () => {
    const { message } = faultOf(() => answer('history[long + long]'));
    expect(message).toBe(`no such key: ${'a'.repeat(60)}…`);
  });

  it('comes to the same end with the same steps, a hundred times', () => {
    const some = hostileExpressions.filter((_, index) => index % 4 === 0);
    const ends = Array.from({ length: 100 }, () =>
      some
        .map(({ source, history: given }) => {
          const of = { of: 'history', names: new Set(Object.keys(given)) };
          try {
            const expression = compileExpression(source, { variables: names.variables, short: of });
            return `${String(expression.evaluate({ history: given }))} ${lastExpressionSteps()}`;
          } catch (error) {
            if (!(error instanceof ExpressionError)) throw error;
            return `${error.message} ${lastExpressionSteps()}`;
          }
        })
        .join('\n'),
    );
    expect(new Set(ends).size).toBe(1);
  });

  it('gives an answer or an ExpressionError, whatever it is, within its steps', () => {
    // BATON_FUZZ=100000 for the long run, which also looks at the time
    const rounds = Number(process.env['BATON_FUZZ'] ?? 5_000);
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
      const before = process.cpuUsage();
      outcomes[outcome()]++;
      let ms = cpuSince(before);
      if (lastExpressionSteps() > expressionLimits.fuel) throw new Error(`seed ${seed}: ${source}`);
      // once more when it is slow: a first run may pay for the garbage of those before it, and for being compiled
      for (let again = 0; again < 3 && ms > 25; again++) ms = Math.min(ms, cpuOf(outcome));
      if (ms > slowest.ms) Object.assign(slowest, { ms, source });
    }
    if (process.env['BATON_FUZZ']) process.stderr.write(`${JSON.stringify({ outcomes, slowest })}\n`);
    // enough of each kind for the run to say something about it; their shares change with the seeds
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(rounds / 100);
    if (process.env['BATON_FUZZ']) expect(slowest.ms).toBeLessThan(50);
  }, 900_000);
});
