/** Documents that are refused, each with the place and what is said, and documents that are accepted, by rule (control-flow.md section 15). */
import { describe, expect, it } from '@jest/globals';
import {
  atoms,
  expectRefused,
  head,
  ordered,
  problemsOf,
  type Refused,
  routed,
} from '../fixtures/yaml-documents.js';
import { parseFlowYaml, parseFlowYamlStream } from './parse-flow-yaml.js';

const refused: readonly Refused[] = [
  [
    'C-101',
    atoms('a: { task: t, publish: { x: 1 } }'),
    '4:17',
    'atoms.a.publish',
    'belongs to a routed flow',
  ],
  [
    'C-102',
    atoms('a: { task: t, on-success: b }', 'b: { task: t, after: a }'),
    '5:17',
    'atoms.b.after',
    'belongs to an ordered flow',
  ],
  [
    'C-102',
    `${head}pattern: linear\natoms:\n  a: { task: t, join: all }\n`,
    '5:17',
    'atoms.a.join',
    'make what is routed a flow of its own',
  ],
  [
    'C-401',
    routed('on-success: { to: b, message: hi }'),
    '4:38',
    'atoms.a.on-success.message',
    'is for commands',
  ],
  ['C-436', atoms('fail: { task: t, on-success: noop }'), '4:3', 'atoms.fail', 'is a command'],
  ['C-436', atoms('pause: { task: t, on-success: noop }'), '4:3', 'atoms.pause', 'is a command'],
  ['C-602', routed('input: x, on-success: b'), '4:24', 'atoms.a.input', 'a map of parameters'],
  [
    'C-602',
    routed('input: { expr: x }, on-success: b'),
    '4:26',
    'atoms.a.input.expr',
    'would be taken for an expression',
  ],
  [
    'C-704',
    routed('on-success: { publish: { x: 1 }, next: b }'),
    '4:40',
    'atoms.a.on-success.publish',
    'must name its scopes',
  ],
  [
    'C-704',
    routed('publish: { x: 1, branch: { y: 1 } }, on-success: b'),
    '4:26',
    'atoms.a.publish',
    'side by side',
  ],
  [
    'C-709',
    routed('publish: { atomic: { x: 1 } }, on-success: b'),
    '4:28',
    'atoms.a.publish.atomic',
    'under global is atomic already',
  ],
  [
    'C-712',
    routed('keep-result: "${x}", on-success: b'),
    '4:30',
    'atoms.a.keep-result',
    'must be true or false',
  ],
  ...['-1', '1.5', '1.5s', '"5"', 'soon', '-5s', '999999999999d', '9999999999h'].map((value): Refused => [
    'C-1006',
    ordered(`timeout: ${value}`),
    '4:26',
    'atoms.a.timeout',
    'a duration such as 250ms',
  ]),
  ['C-1331', routed('on-error: null, on-success: b'), '4:27', 'atoms.a.on-error', 'atom-defaults has none'],
  ['C-1501', 'flow: f\natoms: { a: { task: t } }\n', '1:1', 'baton', 'is missing'],
  ['C-1501', 'baton: 2\nflow: f\natoms: { a: { task: t } }\n', '1:8', 'baton', 'the version of the document'],
  ['C-1501', 'baton: null\nflow: f\natoms: { a: { task: t } }\n', '1:8', 'baton', 'null'],
  ['C-1501', '', '1:1', '', 'a map with baton: 1'],
  ['C-1501', 'null\n', '1:1', '', 'a map with baton: 1'],
  ['C-1501', '- 1\n', '1:1', '', 'a map with baton: 1'],
  ['C-1502', `${ordered('after: b')}---\n${ordered('after: b')}`, '6:1', '', 'is another document'],
  ['C-1504', `${atoms('a: { task: t }')}tasks: {}\n`, '5:1', 'tasks', 'is not known here'],
  ['C-1505', atoms('a: &x { task: t }'), '4:9', '', '&x is an anchor'],
  ['C-1505', atoms('a: *x'), '4:6', '', '*x is an alias'],
  ['C-1505', atoms('a: { task: !!str t }'), '4:20', '', 'has the tag'],
  ['C-1505', atoms('a: { task: t, <<: {} }'), '4:17', '', '<< is a merge key'],
  ['C-1505', atoms('a: { task: t }', 'a: { task: u }'), '5:3', '', 'stands twice in one map'],
  ['C-1505', atoms('a: { task: t, "task": u }'), '4:17', '', 'stands twice in one map'],
  [
    'C-1505',
    `${head}atoms: { a: { task: t, inject: { x: .inf } } }`,
    '3:37',
    '',
    'is no number that JSON has',
  ],
  [
    'C-1505',
    `${head}atoms: { a: { task: t, inject: { x: 12345678901234567890 } } }`,
    '3:37',
    '',
    'more digits than a number holds',
  ],
  ['C-1505', atoms('a: { ? [x] : t }'), '4:10', '', 'a key must be a text'],
  ['C-1505', '%YAML 1.1\n---\nbaton: 1\n', '1:1', '', 'leave directives out'],
  ['C-1505', atoms('a: [1'), '5:1', '', 'is no YAML'],
  [
    'C-1511',
    ordered('after: [c]'),
    '4:25',
    'atoms.a.after[0]',
    'which is no atom of this flow: did you mean a?',
  ],
  ['C-1511', ordered('after: { b: "x.y" }'), '4:29', 'atoms.a.after.b', 'x'],
  ['C-1511', ordered('after: b, depth: atom'), '4:27', 'atoms.a.depth', 'after has none'],
  ['C-1511', ordered('after: [b, b]'), '4:24', 'atoms.a.after', 'must not repeat an item'],
  ['C-1521', routed('on-success: []'), '4:29', 'atoms.a.on-success', 'must not be empty'],
  [
    'C-1521',
    routed('on-success: ""'),
    '4:29',
    'atoms.a.on-success',
    '"" has none of the allowed forms: a name',
  ],
  ['C-1521', routed('on-success: null'), '4:29', 'atoms.a.on-success', 'atom-defaults has none'],
  ['C-1521', routed('on-success: [b, b]'), '4:33', 'atoms.a.on-success[1]', 'stands twice in one clause'],
  [
    'C-1521',
    routed('on-success: [b, 5]'),
    '4:33',
    'atoms.a.on-success[1]',
    '5 has none of the allowed forms',
  ],
  ['C-1521', routed('on-success: 5'), '4:29', 'atoms.a.on-success', '5 has none of the allowed forms'],
  [
    'C-1521',
    routed('on-success: { b: "true", c: "true" }'),
    '4:29',
    'atoms.a.on-success',
    'no more than 1 key',
  ],
  [
    'C-1521',
    routed('on-success: { b: true }'),
    '4:34',
    'atoms.a.on-success.b',
    'true must be a CEL expression',
  ],
  ['C-1521', routed('on-success: { b: "" }'), '4:34', 'atoms.a.on-success.b', '"" must be a CEL expression'],
  [
    'C-1521',
    routed('on-success: { b: "1 +" }'),
    '4:34',
    'atoms.a.on-success.b',
    'it ends where a value should be at character 4',
  ],
  ['C-1521', routed('on-success: { to: b, when: "nope(1)" }'), '4:44', 'atoms.a.on-success.when', 'nope'],
  [
    'C-1521',
    routed('on-success: [{ to: b, wen: "true" }]'),
    '4:39',
    'atoms.a.on-success[0].wen',
    'did you mean when?',
  ],
  ['C-1521', routed('publish: { x: "${1 +}" }, on-success: b'), '4:31', 'atoms.a.publish.x', 'is no CEL'],
  ['C-1522', routed('on-success: d'), '4:29', 'atoms.a.on-success', 'leads to d, which is no atom'],
  ['C-1522', routed('on-success: stoer'), '4:29', 'atoms.a.on-success', 'there are a, b, c, noop, fail'],
  [
    'C-1522',
    atoms('store: { task: t }', 'a: { task: t, on-success: stoer }'),
    '5:29',
    'atoms.a.on-success',
    'did you mean store?',
  ],
  ['C-1522', atoms('a: { task: t, on-success: a }'), '3:1', 'atoms', 'has no atom to start with'],
  ['C-1522', `${routed('on-success: b')}start: [a, z]\n`, '7:12', 'start[1]', 'is no atom of this flow'],
  ['C-1522', `${routed('on-success: b')}start: b\n`, '7:8', 'start', 'is a join'],
  ...['0', '-1', '1.5', '"2"', 'some'].map((join): Refused => [
    'C-1523',
    atoms(`a: { task: t, on-success: b }`, `b: { join: ${join} }`),
    '5:14',
    'atoms.b.join',
    'all, one, reached, or how many',
  ]),
  [
    'C-1523',
    atoms('a: { task: t, on-success: b }', 'b: { join: 2 }'),
    '5:14',
    'atoms.b.join',
    'only 1 atom leads here',
  ],
  ['C-1523', atoms('a: { task: t }', 'b: { join: all }'), '5:14', 'atoms.b.join', 'no transition leads here'],
  [
    'C-1523',
    atoms('a: { on-success: b }', 'b: { join: one, on-success: c }', 'c: { on-success: b }'),
    '5:14',
    'atoms.b.join',
    'stands on a cycle',
  ],
  ['C-1524', ordered('attempts: { delay: 1s }'), '4:17', 'atoms.a.attempts.max', 'is missing'],
  ...['0', '-1', '1.5', '"3"'].map((value): Refused => [
    'C-1524',
    ordered(`attempts: ${value}`),
    '4:27',
    'atoms.a.attempts',
    value,
  ]),
  [
    'C-1524',
    ordered('attempts: { max: 2, delay: 0.5 }'),
    '4:44',
    'atoms.a.attempts.delay',
    'a duration such as',
  ],
  [
    'C-1526',
    `${ordered('requires: [y]')}requires: { y: integer }\noptional: { y: integer }\n`,
    '7:13',
    'optional.y',
    'stands in requires too',
  ],
  [
    'C-1526',
    `${ordered('requires: [y]')}requires: { y: null }\n`,
    '6:16',
    'requires.y',
    'a type: any, string',
  ],
  ['C-1526', `${ordered('requires: [y]')}requires: [y]\n`, '6:11', 'requires', 'must be an object'],
  ['C-1526', `${ordered('requires: [y]')}requires: { y: strng }\n`, '6:16', 'requires.y', '"strng"'],
  [
    'C-1526',
    `${routed('on-success: b')}optional: { y: { type: integer, default: x } }\n`,
    '7:42',
    'optional.y.default',
    'is not of the type integer',
  ],
  [
    'C-1526',
    `${routed('on-success: b')}optional: { y: { default: x } }\n`,
    '7:13',
    'optional.y.type',
    'is missing',
  ],
  ['C-1526', `${head}atoms: {}\n`, '3:8', 'atoms', '{} must not be empty'],
  ['C-1526', `${routed('on-success: b')}vars: {}\n`, '7:7', 'vars', '{} must not be empty'],
  ['C-1526', `${routed('on-success: b')}output: {}\n`, '7:9', 'output', '{} must not be empty'],
  ['C-1527', ordered('tmeout: 5s'), '4:17', 'atoms.a.tmeout', 'did you mean timeout?'],
  ['C-1527', `${ordered('after: b')}outptu: {}\n`, '6:1', 'outptu', 'did you mean output?'],
  ['C-1527', ordered('timeout: { atempt: 5s }'), '4:28', 'atoms.a.timeout.atempt', 'did you mean attempt?'],
  [
    'C-1528',
    'baton: 1\nflow: 01ARZ3NDEKTSV4RRFFQ69G5FAV\natoms: { a: { task: t } }\n',
    '2:7',
    'flow',
    'looks like the id of a job',
  ],
  ['C-1528', 'baton: 1\nflow: "a b"\natoms: { a: { task: t } }\n', '2:7', 'flow', '"a b" must be a name'],
  ['C-1528', atoms('"a/b": { task: t }'), '4:3', 'atoms["a/b"]', 'has a name that must be a name'],
  [
    'C-1529',
    ordered('requires: [size]'),
    '4:3',
    'atoms.a',
    'takes size; which nothing provides: write requires: { size: any }',
  ],
  [
    'C-1529',
    `${head}pattern: linear\natoms:\n  a: { task: t, requires: [x] }\n  b: { task: t, provides: x }\n`,
    '5:3',
    'atoms.a',
    'out of its sight, b provides it',
  ],
  [
    'C-1529',
    `${ordered('after: b')}requires: { sise: any }\n`,
    '6:13',
    'requires.sise',
    'is taken by no atom',
  ],
  [
    'C-1529',
    `${ordered('after: b')}provides: [x, y]\n`,
    '6:15',
    'provides[1]',
    'is provided by no atom: did you mean x?',
  ],
  [
    'C-1529',
    atoms('a: { task: t, provides: x }', 'b: { task: t, provides: x }', 'c: { task: t, requires: [x] }'),
    '6:3',
    'atoms.c',
    'which a and b provide',
  ],
  [
    'C-1529',
    atoms('a: { task: t, after: b }', 'b: { task: t, after: a }'),
    '5:17',
    'atoms.b.after',
    'would close a cycle',
  ],
  [
    'C-1530',
    atoms('a: { task: t, flow: { atoms: { b: { task: t } } } }'),
    '4:8',
    'atoms.a.task',
    'is for a task, and this atom is a flow',
  ],
  ['C-1530', ordered('expects: { a: any }'), '4:17', 'atoms.a.expects', 'means nothing without delegate'],
  ['C-1530', ordered('delegate: d'), '4:17', 'atoms.a.delegate', 'and task exclude each other'],
  ['C-103', atoms('a: {}'), '4:3', 'atoms.a.task', 'is missing: write task: NAME'],
  [
    'E-101',
    atoms('a: { task: t }', 'b: { flow: { atoms: { a: { task: t } } } }'),
    '5:25',
    'atoms.b.flow.atoms.a',
    'is called a, as is atoms.a',
  ],
  ['E-1305', ordered('version: 1'), '4:26', 'atoms.a.version', 'must be major.minor'],
  ['E-617', `${ordered('after: b')}retry: { backoff: 1s }\n`, '6:8', 'retry', 'must have one of times'],
  [
    'E-618',
    `${ordered('after: b')}retry: { times: 2, always-revert: true }\n`,
    '6:8',
    'retry',
    'and has times and always-revert',
  ],
  ['E-619', `${ordered('after: b')}retry: { decide: "nope" }\n`, '6:18', 'retry.decide', 'nope'],
  ['E-619', `${ordered('after: b')}retry: { times: -1 }\n`, '6:17', 'retry.times', '-1 must be at least 0'],
  ['C-1527', ordered('zzzz: 1'), '4:17', 'atoms.a.zzzz', 'there are task, flow, delegate, name, description'],
];

const accepted: readonly (readonly [rule: string, text: string])[] = [
  ['C-1501', 'baton: "1"\nflow: f\natoms: { a: { task: t } }\n'],
  ['C-1501', '{"baton": 1, "flow": "f", "atoms": {"a": {"task": "t"}}}'],
  ['C-1505', '%YAML 1.2\n---\nbaton: 1\nflow: f\natoms: { a: { task: t } }\n...\n'],
  ['C-1505', `${head}atoms: { a: { task: t, inject: { x: 1.0e300, y: yes, z: 0x10, n: ~ } } }`],
  ['C-1006', ordered('timeout: 250ms')],
  ['C-1006', ordered('timeout: 5, attempts: { max: 2, delay: 3d }')],
  ['C-1026', ordered('timeout: { attempt: 2m, queue: 1h }')],
  ['C-1006', ordered('timeout: 999999999999s, attempts: { max: 2, delay: 99999999d }')],
  ['C-1521', routed('on-success: b')],
  ['C-1521', routed('on-success: [b, { c: "true" }, { to: fail, when: "false", message: no }]')],
  ['C-1521', routed('on-success: { publish: { branch: { x: 1 } }, next: { b: "x > 1" } }')],
  ['C-1521', routed('on-success: { publish: { global: { x: 1 } } }, on-error: [noop], on-complete: b')],
  ['C-1521', routed('on-skip: { to: b, when: "self.state != \'X\'" }, on-success: b')],
  ['C-1522', routed('on-success: [b, suspend], on-error: [pause, succeed, fail, noop]')],
  ['C-1523', atoms('a: { on-success: c }', 'b: { on-success: c }', 'c: { join: 2 }')],
  ['C-1523', atoms('a: { on-success: c }', 'b: { on-success: c }', 'c: { join: one }')],
  ['C-1523', atoms('a: { on-success: [a, c] }', 'b: { on-success: [c, a] }', 'c: { join: all }')],
  [
    'C-1526',
    `${routed('on-success: b')}optional: { y: { type: integer, default: 1 }, z: { type: string, default: null }, w: any }\n`,
  ],
  ['C-1526', `${routed('on-success: b')}requires: { y: "list(string)", z: { type: map } }\n`],
  ['C-1528', 'baton: 1\nflow: backwardschecksmadefast9\natoms: { a: { task: t } }\n'],
  ['C-1528', 'baton: 1\nflow: a-b.c+$_\natoms: { "a-b.c+$_": { task: t } }\n'],
  [
    'C-1529',
    `${ordered('requires: [y, x], optional: [z]')}requires: { y: integer }\noptional: { z: string }\nprovides: [x]\n`,
  ],
  ['C-103', atoms('a: { on-success: b }', 'b: {}')],
  [
    'C-1331',
    `${routed('on-error: null, attempts: null, on-success: b')}atom-defaults: { on-error: noop, attempts: 3 }\n`,
  ],
];

describe('a document is refused, with its place', () => {
  it.each(refused)('%s %j at %s', (...row) => expectRefused(row));
});

it.each(accepted)('a document is accepted: %s %j', (_, text) => {
  expect(problemsOf(text)).toEqual([]);
});

it('all that is wrong is said at once, in the order of the text', () => {
  const text = atoms(
    'a: { tsk: x, on-success: [], timeout: "5", attempts: { delay: -1 } }',
    'b: { task: y, on-success: [nope, { a: "1 +" }], join: 0, for-each: "", after: [a] }',
    'fail: {}',
  );
  const places = problemsOf(text).map(({ line, column, path }) => `${line}:${column} ${path}`);
  expect(places).toEqual([
    '4:8 atoms.a.tsk',
    '4:28 atoms.a.on-success',
    '4:41 atoms.a.timeout',
    '4:46 atoms.a.attempts.max',
    '4:65 atoms.a.attempts.delay',
    '5:30 atoms.b.on-success[0]',
    '5:41 atoms.b.on-success[1].a',
    '5:57 atoms.b.join',
    '5:70 atoms.b.for-each',
    '5:74 atoms.b.after',
    '6:3 atoms.fail',
  ]);
});

it('limits hold before anything is made of the text (C-1505)', () => {
  const limits: readonly (readonly [string, string])[] = [
    ['x'.repeat(1024 * 1024 + 1), 'has 1048577 bytes'],
    ['ä'.repeat(600_000), 'has 1200000 bytes'],
    ['['.repeat(500_000), 'nests deeper than 32 levels'],
    ['- '.repeat(500_000), 'nests deeper than 32 levels'],
    ['{a: '.repeat(200_000), 'nests deeper than 32 levels'],
    [`${head}x: ${'['.repeat(33)}${']'.repeat(33)}`, 'nests deeper than 32 levels'],
    [`[${'1,'.repeat(50_001)}]`, 'more than 50000 keys and values'],
    [
      Array.from({ length: 25_001 }, (_, index) => `k${index}:`).join('\n'),
      'more than 50000 keys and values',
    ],
    ...['---\n', '...\n', '-\n', '?\n', ':\n', '"":\n', '%YAML 1.2\n---\n', '&a\n', '!a\n'].map(
      (unit) => [unit.repeat(60_000), 'more than 50000 keys and values'] as const,
    ),
    ...['#\n', '\n', ' \n'].map((unit) => [unit.repeat(500_000), 'more than 400000 words, spaces'] as const),
  ];
  for (const [text, said] of limits)
    expect(problemsOf(text).map(({ message }) => message)).toEqual([expect.stringContaining(said)]);
});

it('a text that is wrong from end to end costs no more than its first slips', () => {
  for (const unit of [']', '}', "''\n", '"a" '])
    expect(problemsOf(unit.repeat(40_000)).length).toBeLessThanOrEqual(10);
});

it('no more than 100 problems are told, each short', () => {
  const slips = Array.from(
    { length: 200 },
    (_, index) => `a${index}: { task: t, ${'x'.repeat(2_000)}${index}: 1 }`,
  );
  const problems = problemsOf(atoms(...slips));
  expect(problems).toHaveLength(100);
  for (const { message } of problems) expect(message.length).toBeLessThan(1_500);
  for (const part of [
    `&${'x'.repeat(5_000)} 1`,
    `*${'x'.repeat(5_000)}`,
    `!${'x'.repeat(5_000)} 1`,
    '1'.repeat(5_000),
  ])
    for (const { message } of problemsOf(`a: ${part}\n`)) expect(message.length).toBeLessThan(1_500);
});

describe('a stream of documents (C-1502)', () => {
  const one = (name: string, more = ''): string =>
    `baton: 1\nflow: ${name}\natoms: { a: { task: t${more} } }\n`;

  it('is several flows, each with its own text', () => {
    const flows = parseFlowYamlStream(`# both\n---\n${one('x')}---\n${one('y')}`);
    expect(flows.map(({ name, text }) => [name, text.trim().split('\n').slice(-3).join('\n')])).toEqual([
      ['x', one('x').trim()],
      ['y', one('y').trim()],
    ]);
    for (const { definition, text } of flows) expect(parseFlowYaml(text)).toEqual(definition);
  });

  it('is refused with the problems of all', () => {
    const text = `${one('x', ', tmeout: 1')}---\n${one('y', ', requires: [z]')}---\n${one('x')}---\n`;
    expect(() => parseFlowYamlStream(text)).toThrow(
      expect.objectContaining({
        details: {
          problems: [
            expect.objectContaining({ line: 3, path: 'atoms.a.tmeout' }),
            expect.objectContaining({ line: 7, path: 'atoms.a' }),
            expect.objectContaining({ line: 10, path: 'flow' }),
            expect.objectContaining({
              path: '',
              message: expect.stringContaining('a map with baton: 1') as unknown,
            }),
          ],
        },
      }),
    );
  });
});
