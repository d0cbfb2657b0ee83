import { expect, it } from '@jest/globals';
import { compileExpression } from './expression.js';
import { library } from './expression-library.js';

const variables = new Set(['x']);
const value = (source: string, x: unknown = null) =>
  compileExpression(source, { variables, functions: library }).value({ x: x as never });

it.each<[string, unknown, unknown]>([
  ['get(x, "a.b.0")', { a: { b: [7] } }, 7],
  ['get(x, "a.c", "none")', { a: { b: [7] } }, 'none'],
  ['get(x, ["a.b", 1])', { 'a.b': [7, 8] }, 8],
  ['get(null, "a")', null, null],
  ['range(3)', null, [0, 1, 2]],
  ['concat(x, [3], x)', [1], [1, 3, 1]],
  ['flatten(x)', [1, [2, [3]], []], [1, 2, [3]]],
  ['distinct(x)', [1, 'a', 1, 'a', { b: 1 }, { b: 1 }, true], [1, 'a', { b: 1 }, true]],
  ['keys(x)', { a: 1, b: 2 }, ['a', 'b']],
  ['values(x)', { a: 1, b: 2 }, [1, 2]],
  ['merge(x, x)', { a: 1 }, { a: 1 }],
  ['sum(x)', [1, 2.5], 3.5],
  ['sum([1, 2])', null, 3],
  ['len(x)', 'äö', 2],
  ['join(x, ", ")', [1, 'a', true, null], '1, a, true, null'],
  ['split(x, ",")', 'a,b', ['a', 'b']],
  ['format("%s of %s is 100%%", [x, 2])', 'a', 'a of 2 is 100%'],
  ['contains(x, 2)', [1, 2], true],
  ['contains(x, "b")', { a: 1 }, false],
  ['contains(x, "b")', 'abc', true],
  ['first(x)', [], null],
  ['last(x)', [1, 2], 2],
  [
    'toMap(x)',
    [
      ['a', 1],
      ['b', 2],
    ],
    { a: 1, b: 2 },
  ],
  ['json.parse(x).a', '{"a":[1]}', [1]],
  ['yaml.parse(x).a[1].b', 'a:\n- 1\n- { b: no }', 'no'],
  ['yaml.parse("")', null, null],
  ['json.dump(x)', { a: [1, null] }, '{"a":[1,null]}'],
])('%s', (source, x, expected) => {
  expect(value(source, x)).toEqual(expected);
});

it.each([
  ['range(10001)', 'longer than 10000'],
  ['range(-1)', 'not defined for int'],
  ['sum(x)', 'not defined for'],
  ['toMap([1])', 'not a list of pairs'],
  ['json.parse("{")', 'no JSON'],
  ['yaml.parse("a: [1")', 'no YAML: yaml:1:'],
  ['yaml.parse("a: &b 1")', 'is an anchor'],
  ['yaml.parse("--- 1\\n--- 2")', 'another document'],
  ['format("%s", [])', 'wants 1 values'],
  ['x.filter(i, null)', 'neither true nor false: null'],
  ['x.map(i, null, i)', 'neither true nor false: null'],
  ['first(1, 2)', 'operands it does not take'],
])('%s is no value', (source, message) => {
  expect(() => value(source, ['a'])).toThrow(message);
});

it('what its functions make is paid for', () => {
  expect(() => value('yaml.parse(x)', '- 1\n'.repeat(7_000))).toThrow('steps');
  expect(() => value('len(join(range(10000).map(i, x), ""))', 'y'.repeat(1_000))).toThrow('steps');
});
