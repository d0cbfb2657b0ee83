/** Policies, fan-outs and delegates that are refused, each with the place and what is said, and some that are accepted (control-flow.md sections 9 to 11, 15). */
import { describe, expect, it } from '@jest/globals';
import {
  atoms,
  expectRefused,
  ordered,
  problemsOf,
  type Refused,
  routed,
} from '../fixtures/yaml-documents.js';

const bad = (key: string, values: readonly string[], said: string): readonly Refused[] =>
  values.map((value) => [
    'C-1524',
    routed(`for-each: x, on-success: b, ${key}: ${value}`),
    `4:${47 + key.length}`,
    `atoms.a.${key}`,
    said,
  ]);

/** Sections 9 to 11, in routed flows; in ordered ones they are refused by name. */
const refused: readonly Refused[] = [
  ...bad('parallel', ['0', '-1', '1.5', '"3"', 'x', '"${}"'], 'a whole number from 1 on, or "${…}"'),
  ...bad('wait-before', ['-1', '0.5', '1.5s', '"5"', 'soon', '"${ }"'], 'whole milliseconds, or "${…}"'),
  ...bad('wait-after', ['-1s', '1.5', '99999999999d', 'soon'], 'a duration such as 250ms'),
  ...bad('pause-before', ['1', '"true"', 'yes'], 'true or false, or "${…}"'),
  ...bad('fail-on', ['1', '""', '[]'], 'a CEL expression, such as'),
  ...bad('timeout', ['"5"', '-1', 'never'], 'or { attempt, queue, wait, total }'),
  ...bad('attempts', ['0', '-1', '1.5', '"3"'], 'how often in all, or { max'),
  ...bad('on-item-error', ['go', 'null'], 'must be "stop"'),
  [
    'C-908',
    routed('for-each: x, attempts: { max: 2, scope: items }, on-success: b'),
    '4:57',
    'atoms.a.attempts.scope',
    'must be "item"',
  ],
  ...bad('as', ['5', '"a b"'], 'must be a name'),
  [
    'C-1524',
    routed('on-success: b, parallel: 3'),
    '4:32',
    'atoms.a.parallel',
    'means nothing without for-each',
  ],
  ['C-1524', routed('on-success: b, as: x'), '4:32', 'atoms.a.as', 'means nothing without for-each'],
  [
    'C-1524',
    routed('on-success: b, on-item-error: stop'),
    '4:32',
    'atoms.a.on-item-error',
    'means nothing without for-each',
  ],
  [
    'C-1524',
    routed('on-success: b, attempts: { max: 2, scope: item }'),
    '4:52',
    'atoms.a.attempts.scope',
    'means nothing without for-each',
  ],
  [
    'C-1524',
    routed('on-success: b, attempts: { delay: 1s, jitter: true }'),
    '4:32',
    'atoms.a.attempts.max',
    'is missing',
  ],
  ...(
    [
      ['max: "2"', 'max', 'a whole number from 1 on'],
      ['max: 2, delay: "5"', 'delay', 'a duration such as'],
      ['max: 2, max-delay: "${ms}"', 'max-delay', 'a duration such as'],
      ['max: 2, jitter: 1', 'jitter', 'must be true or false'],
      ['max: 2, break-on: true', 'break-on', 'must be a CEL expression'],
      ['max: 2, stop-on: [X, X]', 'stop-on', 'must not repeat an item'],
      ['max: 2, continue-on: "1 +"', 'continue-on', 'it ends where a value should be at character 4'],
      ['max: 2, break-on: "${true}"', 'break-on', 'is CEL already: leave out ${ and }'],
      ['max: "${1 +}"', 'max', 'it ends where a value should be'],
      ['max: 2, delay: "${a} ${b}"', 'delay', 'is no CEL'],
    ] as const
  ).map(([fields, key, said]): Refused => {
    const text = routed(`on-success: b, attempts: { ${fields} }`);
    const column = (text.split('\n')[3] ?? '').indexOf(`${key}: `) + key.length + 3;
    return ['C-1524', text, `4:${column}`, `atoms.a.attempts.${key}`, said];
  }),
  ['C-1524', routed('on-success: b, timeout: { wait: 1.5 }'), '4:49', 'atoms.a.timeout.wait', 'a duration'],
  [
    'C-1524',
    routed('on-success: b, timeout: { total: "${nope(1)}" }'),
    '4:50',
    'atoms.a.timeout.total',
    'nope',
  ],
  ['C-1524', routed('on-success: b, wait-before: "${1 +}"'), '4:45', 'atoms.a.wait-before', 'is no CEL'],
  ['C-1524', routed('on-success: b, fail-on: "1 +"'), '4:41', 'atoms.a.fail-on', 'is no CEL'],
  [
    'C-1524',
    `${routed('on-success: b')}atom-defaults: { pause-before: "\${1 +}" }\n`,
    '7:32',
    'atom-defaults.pause-before',
    'is no CEL',
  ],
  [
    'C-1525',
    routed('on-success: b, for-each: null'),
    '4:42',
    'atoms.a.for-each',
    'a CEL expression that gives a list',
  ],
  [
    'C-1525',
    routed('on-success: b, for-each: 5'),
    '4:42',
    'atoms.a.for-each',
    'a CEL expression that gives a list',
  ],
  [
    'C-1525',
    routed('on-success: b, for-each: ""'),
    '4:42',
    'atoms.a.for-each',
    'a CEL expression that gives a list',
  ],
  ['C-1525', routed('on-success: b, for-each: {}'), '4:42', 'atoms.a.for-each', 'must not be empty'],
  [
    'C-1525',
    routed('on-success: b, for-each: { x: 5 }'),
    '4:47',
    'atoms.a.for-each.x',
    'a CEL expression that gives',
  ],
  [
    'C-1525',
    routed('on-success: b, for-each: { x: {} }'),
    '4:47',
    'atoms.a.for-each.x',
    'a CEL expression that gives',
  ],
  [
    'C-1525',
    routed('on-success: b, for-each: { "a b": x }'),
    '4:44',
    'atoms.a.for-each["a b"]',
    'has a name',
  ],
  ['C-1525', routed('on-success: b, for-each: { x: "1 +" }'), '4:47', 'atoms.a.for-each.x', 'is no CEL'],
  ['C-1525', routed('on-success: b, for-each: "${rows}"'), '4:42', 'atoms.a.for-each', 'is CEL already'],
  ['C-1525', routed('on-success: b, for-each: ["${1 +}"]'), '4:43', 'atoms.a.for-each[0]', 'is no CEL'],
  [
    'C-901',
    routed('on-success: b, for-each: { x: rows }, as: y'),
    '4:55',
    'atoms.a.as',
    'names the item of one list',
  ],
  [
    'C-901',
    atoms('a: { for-each: rows, on-success: noop }'),
    '4:8',
    'atoms.a.for-each',
    'has nothing to run for each item',
  ],
  ['C-602', routed('input: "${a} ${b}", on-success: b'), '4:24', 'atoms.a.input', 'is no CEL'],
  ['C-1530', routed('delegate: d, on-success: b'), '4:17', 'atoms.a.delegate', 'and task exclude each other'],
  ['C-1530', routed('flow: f, on-success: b'), '4:17', 'atoms.a.flow', 'and task exclude each other'],
  ['C-1201', atoms('a: { flow: f }'), '4:14', 'atoms.a.flow', 'not supported yet in an ordered flow'],
  [
    'C-1201',
    atoms('a: { flow: { atoms: { b: { task: t } } }, on-success: noop }'),
    '4:14',
    'atoms.a.flow',
    'make it a document of its own',
  ],
  ['C-806', atoms('a: { flow: "${n +}", on-success: noop }'), '4:14', 'atoms.a.flow', 'is no CEL'],
  ...['onWorkerLoss: park', 'version: 1.1', 'requires: [x]', 'optional: [x]'].map((field): Refused => [
    'C-1205',
    atoms(`a: { flow: f, on-success: noop, ${field} }`),
    '4:35',
    `atoms.a.${field.split(':')[0] ?? ''}`,
    'is for a task',
  ]),
  [
    'C-1026',
    atoms('a: { flow: f, on-success: noop, timeout: { wait: 1s } }'),
    '4:46',
    'atoms.a.timeout.wait',
    'is for a task',
  ],
  [
    'C-1106',
    atoms('a: { delegate: d, expects: {}, on-success: noop }'),
    '4:30',
    'atoms.a.expects',
    'must not be empty',
  ],
  [
    'C-1106',
    atoms('a: { delegate: d, expects: { by: text }, on-success: noop }'),
    '4:36',
    'atoms.a.expects.by',
    'must be a type: any, string',
  ],
  ...['expects: { by: string }', 'open: t'].map((field): Refused => [
    'C-1530',
    routed(`${field}, on-success: b`),
    '4:17',
    `atoms.a.${field.split(':')[0] ?? ''}`,
    'means nothing without delegate',
  ]),
  ...['for-each: x', 'as: x', 'parallel: 3', 'on-item-error: stop', 'fail-on: x', 'pause-before: true'].map(
    (field): Refused => [
      'C-102',
      ordered(field),
      '4:17',
      `atoms.a.${field.split(':')[0] ?? ''}`,
      'belongs to a routed flow, and this one is ordered',
    ],
  ),
  ['C-102', ordered('wait-before: 1s'), '4:17', 'atoms.a.wait-before', 'belongs to a routed flow'],
  ['C-102', ordered('wait-after: 1s'), '4:17', 'atoms.a.wait-after', 'belongs to a routed flow'],
  ...['max-delay: 1s', 'jitter: true', 'stop-on: [X]', 'break-on: x', 'continue-on: x', 'scope: item'].map(
    (field): Refused => [
      'C-102',
      ordered(`attempts: { max: 2, ${field} }`),
      '4:37',
      `atoms.a.attempts.${field.split(':')[0] ?? ''}`,
      'belongs to a routed flow',
    ],
  ),
  ['C-1024', ordered('timeout: { wait: 1s }'), '4:28', 'atoms.a.timeout.wait', 'a worker runs this atom'],
  ['C-102', ordered('timeout: { total: 1s }'), '4:28', 'atoms.a.timeout.total', 'belongs to a routed flow'],
  [
    'C-102',
    ordered('timeout: "${ms}"'),
    '4:26',
    'atoms.a.timeout',
    'is an expression, which is not supported yet',
  ],
  [
    'C-102',
    ordered('attempts: "${n}"'),
    '4:27',
    'atoms.a.attempts',
    'is an expression, which is not supported yet',
  ],
  [
    'C-102',
    ordered('attempts: { max: "${n}" }'),
    '4:34',
    'atoms.a.attempts.max',
    'is an expression, which is not supported yet',
  ],
  [
    'C-102',
    `${ordered('after: b')}atom-defaults: { timeout: { queue: "\${ms}" } }\n`,
    '6:36',
    'atom-defaults.timeout.queue',
    'is an expression, which is not supported yet',
  ],
  [
    'C-102',
    atoms('a: { flow: { atoms: { b: { task: t, attempts: { max: 2, jitter: true } } } } }'),
    '4:59',
    'atoms.a.flow.atoms.b.attempts.jitter',
    'belongs to a routed flow',
  ],
];

const accepted: readonly (readonly [rule: string, text: string])[] = [
  ['C-1026', routed('timeout: { attempt: 2m, queue: "${ms}", wait: 1s, total: 0 }, on-success: b')],
  ['C-1524', routed('wait-before: 10s, wait-after: "${ms * 2}", pause-before: "${yes}", on-success: b')],
  ['C-1524', routed('fail-on: self.result.status != 200, pause-before: true, on-success: b')],
  ['C-1524', routed('for-each: rows, parallel: "${n}", attempts: { max: 2, scope: item }, on-success: b')],
  ['C-1525', routed('for-each: "range(3)", as: n, on-success: b')],
  ['C-1525', routed('for-each: [], on-success: b')],
  ['C-1525', routed('for-each: { x: rows, y: [1, "${z}"] }, on-item-error: stop, on-success: b')],
  ['C-1530', atoms('a: { delegate: d, on-success: [noop] }')],
  ['C-104', atoms('a: { delegate: d, expects: { by: string }, open: ask, timeout: 3d, attempts: 2 }')],
  ['C-104', atoms('a: { task: std.wait-event, input: { name: n }, timeout: { wait: 3d } }')],
  ['C-1331', `${atoms('a: { delegate: d }')}  b: { task: t }\natom-defaults: { timeout: { wait: 1d } }\n`],
  ['C-1201', atoms('a: { flow: f, timeout: 3d, attempts: 2, for-each: x, on-success: [noop] }')],
  ['C-1203', atoms('a: { flow: "${n}", input: { x: 1 }, on-success: [noop] }')],
  [
    'C-1331',
    `${routed('wait-before: null, parallel: null, on-success: b')}atom-defaults: { wait-before: 1s, parallel: 2 }\n`,
  ],
];

describe('a document is refused, with its place', () => {
  it.each(refused)('%s %j at %s', (...row) => expectRefused(row));
});

it.each(accepted)('a document is accepted: %s %j', (_, text) => {
  expect(problemsOf(text)).toEqual([]);
});
