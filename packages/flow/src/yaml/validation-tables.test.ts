/**
 * R10 (control-flow.md section 19): tables of what a document may say, row by row, each accepted or refused as section 15.3 has it. A row
 * is YAML as it stands behind a key of an atom; the tables are those of Mistral's own DSL tests, in the words of this one.
 */
import { expect, it } from '@jest/globals';
import { problemsOf } from '../fixtures/yaml-documents.js';

interface Rows {
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
}

/** What a clause may be: 21 rows (C-401, C-1521). */
const clauseForms: Rows = {
  accepted: [
    'b',
    '[b]',
    '[b, c]',
    '{ b: "x > 1" }',
    '[{ b: "x > 1" }]',
    '[{ b: "x > 1" }, c]',
    '{ to: b }',
    '{ to: b, when: "x > 1" }',
    '[{ to: b, when: "true" }, { c: "false" }]',
    'fail',
    '{ to: fail, message: "no ${x}" }',
  ],
  refused: [
    '[]',
    '""',
    '[""]',
    '[null]',
    '[b, b]',
    '[1]',
    '{}',
    '{ b: "x > 1", c: "x < 1" }',
    '{ b: 12345 }',
    '{ b: "x >" }',
  ],
};

/** Clauses that publish: 15 rows (C-401, C-704). */
const publishingForms: Rows = {
  accepted: [
    '{ publish: { branch: { k: 1 } } }',
    '{ publish: { global: { k: "${x}" } } }',
    '{ publish: { branch: { k: 1 }, global: { l: 2 } } }',
    '{ publish: { branch: { k: 1 } }, next: b }',
    '{ publish: { branch: { k: 1 } }, next: [b, { c: "x > 1" }] }',
    '{ publish: { branch: { k: 1 } }, next: { to: succeed, message: done } }',
    '{ publish: { branch: { k: "${x + 1} of ${y}" } }, next: [b, noop] }',
  ],
  refused: [
    '{ publish: { k: 1 } }',
    '{ publish: { branch: { k: "${x +}" } } }',
    '{ publish: { branch: { k: 1 } }, next: [] }',
    '{ publish: { branch: { k: 1 } }, next: null }',
    '{ publish: { branch: { k: 1 } }, next: nowhere }',
    '{ publish: { branch: [k] } }',
    '{ publish: { atomic: { k: 1 } } }',
    '{ publish: { branch: { k: 1 } }, netx: b }',
  ],
};

/** 22 rows (C-901, C-1525). */
const forEachForms: Rows = {
  accepted: [
    'xs',
    '"[1, 2, 3]"',
    '[1, 2, 3]',
    '[]',
    '["${x}", 2]',
    '"range(3)"',
    '"xs.filter(i, i > 2)"',
    '{ i: xs }',
    '{ i: xs, j: ys }',
    '{ i: [1, 2], j: "ys" }',
    '{ i: [[1], [2]] }',
  ],
  refused: [
    'null',
    '{}',
    '""',
    '" "',
    '5',
    '1.5',
    'true',
    '"[1,"',
    '{ i: 5 }',
    '{ i: null }',
    '{ "a b": xs }',
  ],
};

const durations: Rows = {
  accepted: ['5', '0', '10s', '"${n * 2}"'],
  refused: ['-1', '1.5', '"3"', '10 s'],
};

/** By policy: 60 rows (C-1001 to C-1026, C-1524). */
const policyForms: Readonly<Record<string, Rows>> = {
  'wait-before': durations,
  'wait-after': durations,
  timeout: {
    accepted: ['5', '2m', '{ total: 1h, attempt: 10s }', '"${n}"', '{ queue: "${n}" }'],
    refused: ['-1', '1.5', '"3"', '{ total: -1 }', '{ wiat: 1s }'],
  },
  attempts: {
    accepted: [
      '1',
      '4',
      '{ max: 3 }',
      '{ max: 3, delay: 1s }',
      '{ max: "${n}", delay: "${n}" }',
      '{ max: 5, break-on: "x > 1", continue-on: "x < 1" }',
      '{ max: 5, delay: 1s, backoff: exponential, max-delay: 1m, jitter: true }',
    ],
    refused: [
      '0',
      '-1',
      '1.5',
      '"3"',
      '{ delay: 1s }',
      '{ max: -3 }',
      '{ max: 3, delay: -1 }',
      '{ max: 3, break-on: "x >" }',
      '{ max: 3, backoff: cubic }',
    ],
  },
  'pause-before': { accepted: ['true', 'false', '"${x > 1}"'], refused: ['yes please', '1', '"${x >}"'] },
  'fail-on': { accepted: ['true', '"self.result > 3"', 'false'], refused: ['1', '""', '"x >"'] },
  parallel: { accepted: ['1', '10', '"${n}"'], refused: ['0', '-1', '1.5', '"3"'] },
  onWorkerLoss: { accepted: ['resend', 'fail', 'park'], refused: ['stop'] },
};

const clauses = ['on-success', 'on-error', 'on-complete'] as const;

interface Row {
  readonly table: string;
  readonly key: string;
  readonly value: string;
  readonly isAccepted: boolean;
}

function rowsOf(table: string, key: string, { accepted, refused }: Rows): readonly Row[] {
  return [
    ...accepted.map((value) => ({ table, key, value, isAccepted: true })),
    ...refused.map((value) => ({ table, key, value, isAccepted: false })),
  ];
}

const clauseRows = clauses.flatMap((key) => rowsOf('clause forms', key, clauseForms));
const advancedRows = clauses.flatMap((key) => rowsOf('advanced transitions', key, publishingForms));
const forEachRows = rowsOf('for-each', 'for-each', forEachForms);
const policyRows = Object.entries(policyForms).flatMap(([key, rows]) => rowsOf('policies', key, rows));
/** What is a default may also be nothing, which cancels none. */
const defaultRows = [
  ...clauseRows,
  ...policyRows.filter(({ key }) => key !== 'parallel'),
  ...[...clauses, ...Object.keys(policyForms).filter((key) => key !== 'parallel')].map((key) => ({
    key,
    value: 'null',
    isAccepted: true,
  })),
].map((row) => ({ ...row, table: 'defaults' }));

/** Each part after `key: ` on a line of its own, so that nothing else is on it. */
function documentOf({ table, key, value }: Row): string {
  const isDefault = table === 'defaults';
  const atom = [
    ...(isDefault ? [] : [`    ${key}: ${value}`]),
    ...(key === 'parallel' ? ['    for-each: xs'] : []),
  ];
  return [
    'baton: 1',
    'flow: f',
    'pattern: routed',
    'start: a',
    ...(isDefault ? [`atom-defaults:\n  ${key}: ${value}`] : []),
    'atoms:',
    '  a:\n    task: t',
    ...atom,
    '  b: { task: t }',
    '  c: { task: t }',
  ].join('\n');
}

it.each([...defaultRows, ...forEachRows, ...advancedRows, ...clauseRows, ...policyRows])(
  'R10 validation of $table: $key: $value, accepted: $isAccepted',
  (row) => {
    const problems = problemsOf(documentOf(row));
    if (row.isAccepted) expect(problems).toEqual([]);
    else {
      expect(problems.length).toBeGreaterThan(0);
      for (const { path } of problems) expect(path).toContain(row.key);
    }
  },
);

it('R10 validation: there are as many rows as there are to be', () => {
  const counts = [defaultRows, forEachRows, advancedRows, clauseRows, policyRows].map(({ length }) => length);
  expect(counts.map((count, table) => count >= ([111, 22, 45, 63, 60][table] ?? 0))).toEqual(
    counts.map(() => true),
  );
});
