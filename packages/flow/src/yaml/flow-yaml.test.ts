/** YAML and flow JSON say the same (C-1513). */
import { describe, expect, it } from '@jest/globals';
import { expressionChecks } from '@baton/engine';
import fc from 'fast-check';
import { randomFlows } from '../../../testkit/src/flows/random-flow.js';
import { acceptance } from '../../../testkit/src/routed-flows/acceptance.js';
import type { Outcome } from '../../../testkit/src/routed-flows/routed.js';
import { canonicalFlowJson } from '../canonical-flow-json.js';
import type { FlowDefinition, LinkDefinition } from '../definition.js';
import { expr } from '../expr.js';
import { graph, linear, unordered } from '../flow.js';
import { backoff, retry } from '../retry.js';
import type { RoutedDefinition, RoutedFlowDefinition } from '../routed-definition.js';
import { task } from '../task.js';
import { type } from '../schema.js';
import { flowYaml } from './flow-yaml.js';
import { withFlows } from '../sub-flows.js';
import { parseFlowYaml, parseFlowYamlStream } from './parse-flow-yaml.js';
import { withoutEmpty } from './routed-yaml.js';

type AnyFlow = FlowDefinition | RoutedFlowDefinition;

const parsed = (text: string): AnyFlow => parseFlowYaml(text, { expressions: expressionChecks });
const there = (definition: AnyFlow): string => canonicalFlowJson(definition);
const andBack = (definition: AnyFlow): string => canonicalFlowJson(parsed(flowYaml(definition)));

describe('ordered flows', () => {
  it('come back as they were: random ones', () => {
    const filled = randomFlows().filter(
      ({ definition }) => (definition.root as { children: readonly unknown[] }).children.length > 0,
    );
    fc.assert(
      fc.property(filled, ({ definition }) => {
        expect(andBack(definition)).toBe(there(definition));
      }),
      { numRuns: 200 },
    );
  });

  const execute = (): void => undefined;
  const a = task('a', {
    requires: { size: type<number>() },
    optional: { mtu: type<number>() },
    provides: ['id', 'ip'],
    execute: () => ({ id: 1, ip: 2 }),
  });
  const b = task('b', {
    requires: { id: type<number>(), own: type<string>() },
    rebind: { own: 'id' },
    inject: { x: { deep: ['${x}', null, 1.5, '1.10', 'yes', ''] } },
    provides: { byIndex: ['p', 'q'] },
    version: '1.10',
    priority: -2,
    timeout: { attempt: '90s', queue: 1 },
    attempts: { max: 3, delay: '1h', backoff: 'linear', retryOn: ['X'] },
    onWorkerLoss: 'park',
    execute: () => [1, 2],
  });
  const c = task('c', { provides: 'c', execute });
  const flows: readonly FlowDefinition[] = [
    linear('l', {
      retry: retry.times(3, {
        provides: 'n',
        on: ['X'],
        revertAll: true,
        backoff: backoff.exponential({ initial: '1s', max: '1m', jitter: true }),
      }),
    })
      .add(a, b)
      .toJSON({ neverResolve: true }),
    unordered('u', {
      retry: retry.forEach([1, 'x', { y: [] }], {
        name: 'r',
        provides: 'v',
        backoff: backoff.constant({ initial: 0 }),
      }),
    })
      .add(c)
      .toJSON({ deferReverts: false }),
    graph('g', { retry: retry.parameterizedForEach({ values: 'regions', provides: 'r' }) })
      .add(b, a, c)
      .link(c, a)
      .toJSON(),
    graph('g', { retry: retry.parameterizedForEach({ values: 'values' }) })
      .add(c)
      .toJSON(),
    linear('l', { retry: retry.custom(expr('attempt < 3 ? "RETRY" : "REVERT"'), { requires: ['k'] }) })
      .add(c)
      .toJSON(),
    linear('l', { retry: retry.alwaysRevert() })
      .add(linear('x', { retry: retry.alwaysRevertAll({ priority: 1 }) }).add(c), linear('x').add(a))
      .toJSON(),
    graph('g')
      .add(a, b, c)
      .link(a, c, { decider: expr('a.id > 3'), depth: 'flow' })
      .link(b, c, { decider: expr('b.p'), depth: 'flow' })
      .toJSON(),
    // what `after` cannot say: depths that differ, functions by name, links that data would make
    graph('g')
      .add(a, b, c)
      .link(a, c, { decider: expr('a.id > 3'), depth: 'flow' })
      .link(b, c, { decider: expr('b.p') })
      .toJSON(),
    graph('g')
      .add(a, c)
      .link(a, c, { decider: { local: 'f' } })
      .toJSON(),
    graph('g').addAll([a, b], { resolveRequires: false, resolveExisting: false }).toJSON(),
    graph('g')
      .add(c.as('10'), c.as('9', { inject: { $x: 1 } }), c.as('null'), c.as('to'))
      .toJSON(),
  ];

  it.each(flows.map((definition) => [JSON.stringify(definition), definition] as const))(
    'come back as they were: %s',
    (_, definition) => {
      expect(andBack(definition)).toBe(there(definition));
    },
  );

  it('is written shortly where it can be', () => {
    expect(flowYaml(graph('g').add(a, c).link(a, c).toJSON())).toBe(`baton: 1
flow: g
requires:
  size: any
optional:
  mtu: any
atoms:
  a:
    task: a
    requires:
      - size
    optional:
      - mtu
    provides:
      - id
      - ip
  c:
    task: c
    provides: c
    after: a
`);
  });

  it.each<readonly [string, FlowDefinition]>([
    ['is one task', { schemaVersion: 1, root: c.toNode() }],
    ['must not be empty', linear('l').toJSON()],
    [
      'nests deeper than 32 levels',
      Array.from({ length: 12 })
        .reduce<ReturnType<typeof linear>>(
          (inner) => linear('l').add(inner) as never,
          linear('l').add(c) as never,
        )
        .toJSON(),
    ],
  ])('is refused when it cannot be said: %s', (said, definition) => {
    expect(() => flowYaml(definition)).toThrow(
      expect.objectContaining({
        code: 'BATON_DEFINITION_INVALID',
        message: expect.stringContaining(said) as unknown,
      }),
    );
  });

  it('does not lose a link that the document would not make', () => {
    const both: readonly LinkDefinition[] = [
      { from: 1, to: 0, symbols: ['id'] },
      { from: 0, to: 2, symbols: ['p'] },
    ];
    const definition: FlowDefinition = {
      schemaVersion: 1,
      root: { kind: 'graph', name: 'g', children: [b, a, c].map((atom) => atom.toNode()), links: both },
    };
    expect(flowYaml(definition)).toContain('links:');
    expect(andBack(definition)).toBe(there(definition));
  });
});

/** The flows of the acceptance cases, taken where they would be run. */
async function routedFlows(): Promise<readonly RoutedDefinition[]> {
  const flows: RoutedDefinition[] = [];
  class Taken extends Error {}
  const outcome: Outcome = {
    outcome: '',
    output: {},
    states: {},
    failures: [],
    repeats: 0,
    began: [],
    undone: [],
    events: [],
    peak: 0,
    repair: () => Promise.reject(new Taken()),
  };
  for (const { body } of acceptance)
    await body((definition) => {
      flows.push(definition);
      return flows.length % 2 === 0 ? Promise.resolve(outcome) : Promise.reject(new Taken());
    }).catch(() => undefined);
  return flows;
}

describe('routed flows', () => {
  const lean = (root: RoutedDefinition): RoutedFlowDefinition => ({
    schemaVersion: 1,
    root: withoutEmpty(root),
  });

  it('come back as they were: one that runs others, with them', () => {
    const other = (name: string, ...runs: readonly string[]): RoutedFlowDefinition => ({
      schemaVersion: 1,
      root: {
        kind: 'routed',
        name,
        atoms: runs.map((flow, n) => ({ name: `a${n}`, flow })).concat({ name: 'z' } as never),
      },
    });
    const ordered = linear('l')
      .add(task('t', { execute: () => undefined }))
      .toJSON();
    const whole = withFlows(other('f', 'g', 'l'), [other('g', 'h'), other('h', 'g'), other('x'), ordered]);
    expect(Object.keys(whole.flows ?? {}).toSorted()).toEqual(['g', 'h', 'l']);
    const [first, ...others] = parseFlowYamlStream(flowYaml(whole), { expressions: expressionChecks });
    const back = withFlows(
      first?.definition as AnyFlow,
      others.map(({ definition }) => definition),
    );
    expect(there(back)).toBe(there(whole));
  });

  it('come back as they were: those of the acceptance cases', async () => {
    const flows = await routedFlows();
    expect(flows.length).toBeGreaterThan(60);
    for (const part of ['forEach', 'delegate', 'flow', 'failOn', 'waitMs', 'pauseBefore', 'continueOn'])
      expect(JSON.stringify(flows)).toContain(`"${part}":`);
    for (const root of flows) expect(andBack({ schemaVersion: 1, root })).toBe(there(lean(root)));
  });

  const root: RoutedDefinition = {
    kind: 'routed',
    name: 'f',
    requires: ['url'],
    optional: { n: null, m: { x: [1] }, $s: 'any' },
    vars: { v: '${n}' },
    output: { o: ['${v}'] },
    outputOnError: { e: 1 },
    start: ['10', 'publish'],
    merge: 'deep',
    onExpressionError: 'fail-atom',
    atoms: [
      {
        name: '10',
        task: 't',
        version: '2.10',
        input: { expr: 'ctx' },
        requires: ['r'],
        optional: ['o'],
        rebind: { r: 'x' },
        provides: { p: null, q: 1 },
        onSuccess: {
          publish: { branch: { x: 1 } },
          next: [
            { to: 'to' },
            { to: 'to', when: 'n > 1' },
            { to: 'publish', when: 'false' },
            { to: 'fail', when: 'true', message: { m: '${n}' } },
          ],
        },
      },
      {
        name: '9',
        input: { a: '$${x}', b: null },
        publish: { branch: { branch: {}, y: 1 } },
        publishOnError: { global: { g: 1 }, branch: { h: 2 } },
        publishOnSkip: { branch: { s: '${1}' } },
        keepResult: true,
        join: 2,
        onError: { publish: { global: { z: 1 } } },
      },
      {
        name: 'to',
        task: 'u',
        timeout: { queueMs: 5 },
        attempts: { max: 2 },
        onWorkerLoss: 'fail',
        onComplete: { next: [{ to: '9' }] },
        onSkip: { next: [{ to: 'noop' }] },
      },
      { name: 'publish', onSuccess: { next: [{ to: '9', when: 'true' }] }, onError: { next: [] } },
    ],
  };

  it('come back as they were: one with everything', () => {
    expect(andBack({ schemaVersion: 1, root })).toBe(there(lean(root)));
  });

  const policies: RoutedDefinition = {
    kind: 'routed',
    name: 'f',
    atoms: [
      {
        name: 'a',
        task: 't',
        forEach: { row: ['${x}', 1] },
        parallel: { expr: 'n + 1' },
        onItemError: 'stop',
        timeout: { totalMs: { expr: 'ms' } },
        attempts: {
          ...{ max: { expr: 'n' }, delayMs: { expr: 'ms' }, backoff: 'exponential', maxDelayMs: 60_000 },
          ...{ jitter: true, retryOn: ['X'], stopOn: ['Y'], breakOn: 'a < 3', continueOn: 'false' },
          scope: 'item',
        },
        pauseBefore: false,
        waitBeforeMs: 0,
        waitAfterMs: { expr: ' ms * 2 ' },
        failOn: 'self.result == "}"',
      },
      { name: 'b', task: 't', forEach: { item: '${rows}' }, timeout: { attemptMs: 5 }, parallel: 2 },
      { name: 'c', delegate: 'd', forEach: { item: [], y: '${rows}' }, timeout: { waitMs: 1_000 } },
      {
        ...{ name: 'd', delegate: 'd', expects: { by: 'string', on: 'list(integer)' }, open: 'd.ask' },
        ...{ timeout: { waitMs: { expr: 'ms' } }, attempts: { max: { expr: 'n' } } },
      },
      { name: 'e', delegate: 'd', timeout: { totalMs: 1_000, waitMs: 250 }, pauseBefore: { expr: 'yes' } },
      { name: 'f', task: 't', timeout: { queueMs: { expr: 'ms' }, attemptMs: 2_000 }, waitBeforeMs: 1_500 },
      { name: 'g', task: 't', timeout: { attemptMs: { expr: 'ms' } } },
      { name: 'h', timeout: {}, waitAfterMs: 90_000 },
      { name: 'i', task: 'std.wait-event', input: { name: 'x' }, timeout: { waitMs: 60_000 } },
      { name: 'j', task: 'std.wait-event', input: { name: 'x' }, timeout: { attemptMs: 60_000 } },
    ],
  };

  it('come back as they were: one with all policies', () => {
    expect(andBack({ schemaVersion: 1, root: policies })).toBe(there({ schemaVersion: 1, root: policies }));
  });

  it.each<readonly [string, Partial<RoutedDefinition['atoms'][number]>]>([
    ['for-each must not be empty', { task: 't', forEach: {} }],
    ['for-each has none of the allowed forms', { task: 't', forEach: { item: 5 } }],
    ['something in it has no place there', { task: 't', forEach: { item: '$${x}' } }],
    ['fail-on has none of the allowed forms', { task: 't', failOn: '' }],
    ['delegate and task exclude each other', { task: 't', delegate: 'd' }],
  ])('is refused when it cannot be said: %s', (_, atom) => {
    const one: RoutedDefinition = { kind: 'routed', name: 'f', atoms: [{ name: 'a', ...atom }] };
    expect(() => flowYaml({ schemaVersion: 1, root: one })).toThrow(/cannot be written as YAML/);
  });

  it('is refused when it cannot be said', () => {
    expect(() => flowYaml({ schemaVersion: 1, root: { ...root, output: {} } })).toThrow(
      /cannot be written as YAML: .*output: \{\} must not be empty/,
    );
  });
});

describe('short forms', () => {
  it('atom-defaults: an own clause replaces, null cancels, and no default leads an atom to itself (C-1331 to C-1333)', () => {
    const { root: found } = parsed(`baton: 1
flow: f
atom-defaults: { on-error: [page, { fail: "true" }], on-success: { publish: { branch: { ok: true } }, next: end }, attempts: 2, timeout: 1s, onWorkerLoss: fail }
atoms:
  a: { task: t, on-error: end, timeout: { queue: 1m } }
  b: { task: t, on-error: null, on-success: null, attempts: null }
  page: { task: t, on-success: end }
  end: {}
`);
    const defaults = { attempts: { max: 2 }, timeout: { attemptMs: 1_000 }, onWorkerLoss: 'fail' };
    const published = { publish: { branch: { ok: true } } };
    expect((found as RoutedDefinition).atoms).toEqual([
      {
        name: 'a',
        task: 't',
        ...defaults,
        timeout: { queueMs: 60_000 },
        onSuccess: { ...published, next: [{ to: 'end' }] },
        onError: { next: [{ to: 'end' }] },
      },
      { name: 'b', task: 't', timeout: { attemptMs: 1_000 }, onWorkerLoss: 'fail' },
      {
        name: 'page',
        task: 't',
        ...defaults,
        onSuccess: { next: [{ to: 'end' }] },
        onError: { next: [{ to: 'fail', when: 'true' }] },
      },
      {
        name: 'end',
        onSuccess: published,
        onError: { next: [{ to: 'page' }, { to: 'fail', when: 'true' }] },
      },
    ]);
  });

  it('atom-defaults: policies are for those that they mean something for, and a short time-out is what it would be there (C-1026, C-1331)', () => {
    const { root: found } = parsed(`baton: 1
flow: f
atom-defaults: { timeout: 2m, parallel: 3, attempts: { max: 2, scope: item }, onWorkerLoss: park, fail-on: "self.result == 0", wait-after: 1s, wait-before: 5ms, pause-before: "\${yes}" }
atoms:
  a: { task: t, on-success: d }
  b: { task: t, for-each: rows, as: row, wait-before: null, on-success: d }
  c: { delegate: p, parallel: null, fail-on: null, pause-before: false, on-success: d }
  d: { join: all }
`);
    const before = { waitBeforeMs: 5, pauseBefore: { expr: 'yes' } };
    const after = { waitAfterMs: 1_000, failOn: 'self.result == 0' };
    const onSuccess = { next: [{ to: 'd' }] };
    expect((found as RoutedDefinition).atoms).toEqual([
      {
        ...{ name: 'a', task: 't', timeout: { attemptMs: 120_000 }, attempts: { max: 2 } },
        ...{ onWorkerLoss: 'park', ...before, ...after, onSuccess },
      },
      {
        ...{ name: 'b', task: 't', forEach: { row: '${rows}' }, parallel: 3, timeout: { totalMs: 120_000 } },
        ...{ attempts: { max: 2, scope: 'item' }, onWorkerLoss: 'park', ...after, onSuccess },
        pauseBefore: { expr: 'yes' },
      },
      {
        ...{ name: 'c', delegate: 'p', timeout: { waitMs: 120_000 }, attempts: { max: 2 } },
        ...{ waitBeforeMs: 5, pauseBefore: false, waitAfterMs: 1_000, onSuccess },
      },
      { name: 'd', join: 'all', ...before },
    ]);
  });

  it('of policies', () => {
    const { root: found } = parsed(`baton: 1
flow: f
pattern: routed
atoms:
  a: { task: t, attempts: "\${n}", timeout: "\${ms}", fail-on: true }
  b: { task: t, for-each: ["\${x}", 2], parallel: "\${n}", timeout: { attempt: 1s, total: 1m }, on-item-error: stop }
  c: { delegate: p, for-each: { x: rows, y: [1] }, timeout: 3d, attempts: { max: 4, delay: "\${ms}", max-delay: 1h, jitter: true, stop-on: [X], break-on: "true" } }
  d: { delegate: p, timeout: 3d }
  e: { task: std.wait-event, input: { name: x, key: "\${y}" }, timeout: 3d }
`);
    expect((found as RoutedDefinition).atoms).toEqual([
      {
        ...{ name: 'a', task: 't', attempts: { max: { expr: 'n' } }, timeout: { attemptMs: { expr: 'ms' } } },
        failOn: 'true',
      },
      {
        ...{ name: 'b', task: 't', forEach: { item: ['${x}', 2] }, parallel: { expr: 'n' } },
        ...{ timeout: { attemptMs: 1_000, totalMs: 60_000 }, onItemError: 'stop' },
      },
      {
        ...{ name: 'c', delegate: 'p', forEach: { x: '${rows}', y: [1] }, timeout: { totalMs: 259_200_000 } },
        attempts: {
          ...{ max: 4, delayMs: { expr: 'ms' }, maxDelayMs: 3_600_000, jitter: true },
          ...{ stopOn: ['X'], breakOn: 'true' },
        },
      },
      { name: 'd', delegate: 'p', timeout: { waitMs: 259_200_000 } },
      {
        ...{ name: 'e', task: 'std.wait-event', input: { name: 'x', key: '${y}' } },
        timeout: { waitMs: 259_200_000 },
      },
    ]);
  });

  it('of routed atoms', () => {
    const { root: found } = parsed(`baton: 1
flow: f
atoms:
  a: { task: t, input: "\${ctx}", provides: [x, y], publish: { v: 1 }, on-success: { b: "x > 1" }, on-error: pause, on-complete: [b, { to: fail, message: no }] }
  b: { join: one, provides: { by-index: [m, n] }, inject: { text: "\${x}", gb: 3 }, rebind: { size: gb, other: v }, input: { own: 1 } }
`);
    expect((found as RoutedDefinition).atoms).toEqual([
      {
        ...{
          name: 'a',
          task: 't',
          input: { expr: 'ctx' },
          provides: { x: 'x', y: 'y' },
          publish: { branch: { v: 1 } },
        },
        onSuccess: { next: [{ to: 'b', when: 'x > 1' }] },
        onError: { next: [{ to: 'suspend' }] },
        onComplete: { next: [{ to: 'b' }, { to: 'fail', message: 'no' }] },
      },
      {
        name: 'b',
        join: 1,
        provides: { m: 0, n: 1 },
        rebind: { other: 'v' },
        input: { text: '$${x}', size: 3, own: 1 },
      },
    ]);
  });

  it('of ordered atoms: what input gives is bound, data as constants, one symbol by its name', () => {
    const { root: found } = parsed(`baton: 1
flow: f
requires: { x: any, size: any }
retry: 3
atoms:
  a: { task: t, requires: [x], input: { y: "\${x}", z: [1, "$\${z}"], x: 7, w: "\${ size }" } }
`);
    expect(found).toMatchObject({
      retry: { kind: 'times', attempts: 3 },
      children: [
        {
          requires: ['x', 'y', 'z', 'w'],
          rebind: { y: 'x', x: 'input.x', w: 'size' },
          inject: { z: [1, '${z}'], 'input.x': 7 },
        },
      ],
    });
  });
});
