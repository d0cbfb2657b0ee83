/** Our evaluation against that of @bufbuild/cel, which passes CEL's conformance suite: same text, same data, same answer. */
import type { JsonValue } from '@baton/core';
import { type CelValue, celEnv, celFunc, CelScalar, isCelError, parse, plan } from '@bufbuild/cel';
import { describe, expect, it } from '@jest/globals';
import { compileExpression } from './expression.js';
import { ExpressionError } from './expression-error.js';
import { randomSource } from './fixtures/random-expression.js';

const { DOUBLE, INT } = CelScalar;
/** What we add to CEL: numbers of JSON are doubles, those in a text mostly integers. */
const mixed = Object.entries({
  '_+_': (left: number, right: number) => left + right,
  '_-_': (left: number, right: number) => left - right,
  '_*_': (left: number, right: number) => left * right,
  '_/_': (left: number, right: number) => left / right,
  '_%_': (left: number, right: number) => left % right,
}).flatMap(([name, calculate]) => [
  celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => calculate(left, Number(right))),
  celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => calculate(Number(left), right)),
  ...(name === '_%_' ? [celFunc(name, [DOUBLE, DOUBLE], DOUBLE, calculate)] : []),
]);
const library = celEnv({ funcs: mixed });

const many = [0, 1, 2, 3, 4.5, 7];
const history: Readonly<Record<string, JsonValue>> = {
  a: { ok: true, n: 3, s: 'hello', list: [1, 2, 3], nothing: null },
  b: 'a💥aab',
  'volume.create': { id: 'v1' },
  many,
  rows: many.map((n) => ({ n, ok: n % 2 === 0, s: `x${n}`, list: [n] })),
  long: 'a'.repeat(50),
  needle: 'ab',
};
const names = {
  variables: new Set(['history']),
  short: { of: 'history', names: new Set([...Object.keys(history), 'gone']) },
};

const none = 'no answer';

function ours(source: string): unknown {
  try {
    return shape(compileExpression(source, names).evaluate({ history }));
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    // not available, or a bound: the library has neither
    if (
      /not available|has not|nested deeper|more than|longer than|another one|too large|not given|it does not take/.test(
        error.message,
      )
    )
      return 'refused';
    return none;
  }
}

function theirs(source: string): unknown {
  try {
    const answer = plan(
      library,
      parse(source).expr,
    )({ history, ...history } as unknown as Record<string, never>);
    return isCelError(answer) ? none : shape(answer);
  } catch {
    return none;
  }
}

/** Anything that is neither text, number, boolean nor null has no answer of its own. */
function shape(answer: CelValue | undefined): unknown {
  return (typeof answer === 'object' && answer !== null) || answer === undefined ? 'other' : answer;
}

describe('an expression', () => {
  it('has the answer that the library gives, or none where it gives none', () => {
    const counts = { answered: 0, none: 0, refused: 0 };
    const differences: unknown[] = [];
    for (let seed = 1; seed <= Number(process.env['BATON_FUZZ'] ?? 1_000); seed++) {
      const source = randomSource(seed);
      if (source.length > 400) continue;
      const [our, their] = [ours(source), theirs(source)];
      if (our === 'refused') counts.refused++;
      else if (Object.is(our, their)) counts[our === none ? 'none' : 'answered']++;
      else differences.push({ seed, source, our, their });
    }
    if (process.env['BATON_FUZZ']) process.stderr.write(`${JSON.stringify(counts)}\n`);
    expect(differences.slice(0, 12)).toEqual([]);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
  }, 1_800_000);
});
