import { codeOf } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import {
  canonicalFlowJson,
  graph,
  linear,
  parseFlowDefinition,
  retry,
  task,
  type,
  unordered,
} from './index.js';

const noop = (): void => undefined;
const give = (symbol: string, name = `give ${symbol}`.replace(' ', '.')) =>
  task(name, { provides: symbol, execute: () => 1 });
const take = (symbol: string, name = `take ${symbol}`.replace(' ', '.')) =>
  task(name, { requires: { [symbol]: type<unknown>() }, execute: noop });

function codeFrom(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

describe('builders', () => {
  it('give flow JSON that is pure data and that the parser accepts', () => {
    const flow = linear('deploy', { retry: retry.times(3) }).add(
      unordered('prepare').add(give('a'), give('b')),
      graph('wire').add(take('c'), give('c')),
      task('end', {
        timeout: { attempt: '2m', queue: 500 },
        attempts: { max: 2, delay: '1s' },
        execute: noop,
      }),
    );
    const json: unknown = JSON.parse(JSON.stringify(flow));
    expect(parseFlowDefinition(json)).toEqual(json);
    expect(json).toMatchObject({
      schemaVersion: 1,
      root: {
        kind: 'linear',
        retry: { kind: 'times', attempts: 3 },
        children: [
          { kind: 'unordered' },
          { kind: 'graph', links: [{ from: 1, to: 0, symbols: ['c'] }] },
          { timeout: { attemptMs: 120_000, queueMs: 500 }, attempts: { max: 2, delayMs: 1_000 } },
        ],
      },
    });
  });

  it('leave where a task runs to its worker', () => {
    const here = task('a', { execute: noop });
    const apart = task('a', { isolation: 'thread', execute: noop });
    expect([here.isolation, apart.isolation]).toEqual(['inline', 'thread']);
    expect(apart.toNode()).toEqual(here.toNode());
  });

  it('ignore the same atom a second time (E-207) and never change what they extend', () => {
    const atom = give('a');
    const one = linear('f').add(atom);
    const two = one.add(atom, give('b'));
    expect(one.toNode().children).toHaveLength(1);
    expect(two.toNode().children).toHaveLength(2);
  });

  it('list each task once, whatever it is called', () => {
    const one = give('a');
    const flow = linear('f').add(one, linear('g').add(one.as('again'), take('a')));
    expect(flow.tasks().map(({ name }) => name)).toEqual(['give.a', 'take.a']);
    expect(flow.toNode().children?.[1]).toMatchObject({ children: [{ name: 'again', task: 'give.a' }, {}] });
  });

  it('keep a task as it was declared', () => {
    const made = task('t', { provides: ['x', 'y'], version: '2.1', execute: () => ({ x: 1, y: 2 }) });
    expect([made.version, made.provides, made.revert]).toEqual(['2.1', { x: 'x', y: 'y' }, undefined]);
    expect(task('u', { provides: { byIndex: ['l', 'r'] }, execute: () => [1, 2] }).provides).toEqual({
      l: 0,
      r: 1,
    });
  });
});

describe('links of a graph', () => {
  const links = (flow: { toNode(): { links?: readonly unknown[] } }) => flow.toNode().links;

  it('join provider and consumer in either order (E-222, E-223), into sub-flows too (E-224)', () => {
    expect(links(graph('g').add(give('a'), take('a')))).toEqual([{ from: 0, to: 1, symbols: ['a'] }]);
    expect(links(graph('g').add(take('a'), give('a')))).toEqual([{ from: 1, to: 0, symbols: ['a'] }]);
    const inner = linear('inner').add(take('a'), give('b'));
    expect(links(graph('g').add(take('b'), inner, give('a')))).toEqual([
      { from: 1, to: 0, symbols: ['b'] },
      { from: 2, to: 1, symbols: ['a'] },
    ]);
  });

  it('are not made for what the retry provides', () => {
    const flow = graph('g', { retry: retry.times(2, { provides: 'a' }) }).add(take('a'), give('b'));
    expect(links(flow)).toEqual([]);
  });

  it('go to the first provider when a second one comes after the consumer', () => {
    const flow = graph('g').add(give('a', 'one'), take('a'), give('a', 'two'));
    expect(links(flow)).toEqual([{ from: 0, to: 1, symbols: ['a'] }]);
  });

  it('keep one link between two nodes, with the newest decider (E-226)', () => {
    const [a, b] = [give('a'), take('a')];
    const flow = graph('g')
      .add(a, b)
      .link(a, b, { decider: { expr: 'true' } })
      .link(a, b, { decider: { expr: 'false' }, depth: 'atom' });
    expect(links(flow)).toEqual([{ from: 0, to: 1, decider: { expr: 'false' }, depth: 'atom' }]);
  });

  it('are cut down to a target and what runs before it, and the graph stays whole (E-204)', () => {
    const [a, b, c, d, e] = [give('a'), take('a'), give('c'), take('c'), give('e')];
    const whole = graph('g').add(a, e, b, c, d).link(b, c);
    const cut = whole.target(c);
    expect(cut.toNode().children?.map(({ name }) => name)).toEqual(['give.a', 'take.a', 'give.c']);
    expect(links(cut)).toEqual([
      { from: 0, to: 1, symbols: ['a'] },
      { from: 1, to: 2 },
    ]);
    expect(cut.tasks()).toEqual([a, b, c]);
    expect(whole.toNode().children).toHaveLength(5);
    expect(codeFrom(() => whole.target(give('other')))).toBe('BATON_DEFINITION_UNKNOWN_NODE');
  });

  it('are refused when wrong, and the graph stays as it was', () => {
    const [a, b, c] = [give('a'), take('a'), take('c')];
    const flow = graph('g').add(a, b);
    expect(codeFrom(() => flow.link(b, a))).toBe('BATON_DEFINITION_CYCLE');
    expect(codeFrom(() => flow.link(a, a))).toBe('BATON_DEFINITION_CYCLE');
    expect(codeFrom(() => flow.link(a, c))).toBe('BATON_DEFINITION_UNKNOWN_NODE');
    for (const decider of [() => true, { local: () => true }])
      expect(codeFrom(() => flow.link(a, b, { decider: decider as never }))).toBe(
        'BATON_DEFINITION_DECIDER_NOT_PORTABLE',
      );
    expect(codeFrom(() => graph('g').add(give('a', '1'), give('a', '2'), take('a')))).toBe(
      'BATON_DEFINITION_AMBIGUOUS_DEPENDENCY',
    );
    const around = task('x', { requires: { a: type<number>() }, provides: 'b', execute: () => 1 });
    const back = task('y', { requires: { b: type<number>() }, provides: 'a', execute: () => 1 });
    expect(codeFrom(() => graph('g').add(around, back))).toBe('BATON_DEFINITION_CYCLE');
    const fed = graph('g', { retry: retry.parameterizedForEach({ values: 'list' }) });
    expect(codeFrom(() => fed.add(give('list')))).toBe('BATON_DEFINITION_RETRY_NEEDS_OWN_FLOW');
    expect(links(flow)).toEqual([{ from: 0, to: 1, symbols: ['a'] }]);
  });
});

describe('flow JSON', () => {
  const minimal = { schemaVersion: 1, root: { kind: 'task', name: 'a' } };

  it.each<[string, unknown, string]>([
    ['', null, 'it must be an object'],
    ['schemaVersion', { root: minimal.root }, 'schemaVersion is missing'],
    ['schemaVersion', { ...minimal, schemaVersion: 2 }, 'schemaVersion must be 1'],
    [
      'root.kind',
      { ...minimal, root: { kind: 'circle', name: 'a' } },
      'root.kind must be one of task, linear, unordered, graph',
    ],
    [
      'root.name',
      { ...minimal, root: { kind: 'task', name: 'a/b' } },
      'root.name must match ^[A-Za-z0-9._+$-]{1,255}$',
    ],
    [
      'root.children[1].provides.x',
      {
        ...minimal,
        root: {
          kind: 'linear',
          name: 'f',
          children: [minimal.root, { kind: 'task', name: 'b', provides: { x: true } }],
        },
      },
      'root.children[1].provides.x has none of the allowed forms',
    ],
    [
      'root.links[0]',
      {
        ...minimal,
        root: {
          kind: 'graph',
          name: 'f',
          children: [minimal.root, minimal.root],
          links: [{ from: 0, to: 1, depth: 'all' }],
        },
      },
      'root.links[0] has a depth without a decider',
    ],
    [
      'root.inject.__proto__',
      JSON.parse('{"schemaVersion":1,"root":{"kind":"task","name":"a","inject":{"__proto__":1}}}'),
      'has a name that must match',
    ],
  ])('is refused with the path of what is wrong: %s', (path, json, message) => {
    let error: unknown;
    try {
      parseFlowDefinition(json);
    } catch (thrown) {
      error = thrown;
    }
    expect(codeOf(error)).toBe('BATON_DEFINITION_INVALID');
    expect((error as Error).message).toContain(message);
    expect((error as { details: { path: string } }).details.path).toBe(path);
  });

  it('is refused, not overflowed, when nested without end', () => {
    let root: unknown = minimal.root;
    for (let depth = 0; depth < 5_000; depth++) root = { kind: 'linear', name: 'f', children: [root] };
    expect(codeFrom(() => parseFlowDefinition({ schemaVersion: 1, root }))).toBe('BATON_DEFINITION_INVALID');
  });

  it('keeps fields it does not know', () => {
    expect(parseFlowDefinition({ ...minimal, later: 1 })).toEqual({ ...minimal, later: 1 });
  });

  it('has one canonical text: keys sorted, defaults omitted, user data untouched', () => {
    const lean = parseFlowDefinition(minimal);
    const wordy = parseFlowDefinition({
      options: { neverResolve: false, deferReverts: true },
      root: {
        priority: 0,
        version: '1.0',
        task: 'a',
        requires: [],
        timeout: {},
        name: 'a',
        onWorkerLoss: 'resend',
        kind: 'task',
      },
      schemaVersion: 1,
    });
    expect(canonicalFlowJson(wordy)).toBe('{"root":{"kind":"task","name":"a"},"schemaVersion":1}');
    expect(canonicalFlowJson(lean)).toBe(canonicalFlowJson(wordy));
    const data = parseFlowDefinition({
      schemaVersion: 1,
      root: { kind: 'task', name: 'a', inject: { x: { version: '1.0', b: [], a: null } }, revertInputs: {} },
    });
    expect(canonicalFlowJson(data)).toBe(
      '{"root":{"inject":{"x":{"a":null,"b":[],"version":"1.0"}},"kind":"task","name":"a","revertInputs":{}},"schemaVersion":1}',
    );
  });
});
