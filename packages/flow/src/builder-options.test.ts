import { codeOf } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { backoff, expr, graph, linear, retry, task, type, unordered } from './index.js';

/** The builders as JavaScript knows them. */
type Loose = Readonly<
  Record<string, (...args: unknown[]) => { as: unknown } & Record<string, Loose[string]>>
>;
const built = { task, linear, unordered, graph } as unknown as Loose;
const by = { ...retry } as unknown as Loose;
const delays = { ...backoff } as unknown as Loose;
const execute = (): void => undefined;
const a = task('a', { execute });
const b = task('b', { execute });
const made = a as unknown as Loose;
const line = linear('l') as unknown as Loose;
const net = graph('g').add(a, b) as unknown as Loose;

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(codeOf(error)).toBe('BATON_DEFINITION_INVALID');
    return (error as Error).message;
  }
  return 'was accepted';
}

const withTask = (options: object) => () => built['task']?.('t', { execute, ...options });

describe('what a builder is given and cannot use is refused by name', () => {
  it.each<[string, () => unknown]>([
    // task()
    ['task: its name must be a text', () => built['task']?.({ execute })],
    ['task "a/b": its name must match', () => built['task']?.('a/b', { execute })],
    ['task t: what it is given must be an object of requires, ', () => built['task']?.('t')],
    ['task t: execute is missing', () => built['task']?.('t', {})],
    ['task t: execute is missing', () => built['task']?.('t', { execute: undefined })],
    ['task t: execute must be a function', withTask({ execute: 'no' })],
    ['task t: revert must be a function', withTask({ revert: true })],
    ['task t: provide is not known here, did you mean provides?', withTask({ provide: 'x' })],
    ['task t: provides has none of the allowed forms: a symbol, ', withTask({ provides: 'a b' })],
    ['task t: provides.byIndex[0] must be a text', withTask({ provides: { byIndex: [0] } })],
    ['task t: timeout must be an object of attempt, queue', withTask({ timeout: '1s' })],
    ['task t: timeout.atempt is not known here, did you mean attempt?', withTask({ timeout: { atempt: 1 } })],
    ['task t: timeout.attempt must be a duration such as ', withTask({ timeout: { attempt: '5 parsecs' } })],
    ['task t: timeout.queue must be a duration such as ', withTask({ timeout: { queue: -1 } })],
    ['task t: attempts must be an object of max, ', withTask({ attempts: 0 })],
    ['task t: attempts.max is missing', withTask({ attempts: { delay: 1 } })],
    ['task t: attempts.max must be at least 1', withTask({ attempts: { max: 0 } })],
    [
      'task t: attempts.delayMs is not known here, did you mean delay?',
      withTask({ attempts: { max: 2, delayMs: 1 } }),
    ],
    [
      'task t: attempts.backoff must be one of constant, linear, exponential',
      withTask({ attempts: { max: 2, backoff: 'cubic' } }),
    ],
    ['task t: isolation must be one of inline, thread, process', withTask({ isolation: 'docker' })],
    ['task t: onWorkerLoss must be one of resend, fail, park', withTask({ onWorkerLoss: 'drop' })],
    ['task t: version must match', withTask({ version: '1' })],
    ['task t: priority must be a whole number', withTask({ priority: 'high' })],
    [
      "task t: requires.x must be a schema, such as zod's z.string(), or type()",
      withTask({ requires: { x: 'number' } }),
    ],
    ['task t: optional.x must be a schema', withTask({ optional: { x: type } })],
    ['task t: requires must have a schema for each parameter', withTask({ requires: ['x'] })],
    [
      'task t: requires must have a schema for each parameter',
      withTask({ requires: z.object({ x: z.string() }) }),
    ],
    ['task t: rebind.x must be a text', withTask({ rebind: { x: 1 } })],
    ['task t: inject.x must be JSON data: it.at is a Date', withTask({ inject: { x: { at: new Date(0) } } })],
    ['task t: inject.x must be JSON data: it is bytes', withTask({ inject: { x: new Uint8Array(1) } })],
    // another use of a task
    ['task a as: its name must be a text', () => made['as']?.()],
    [
      'task a as b: injects is not known here, did you mean inject?',
      () => made['as']?.('b', { injects: {} }),
    ],
    [
      'task a as b: timeout is not known here: there are rebind, inject, priority',
      () => made['as']?.('b', { timeout: {} }),
    ],
    // flows
    ['linear: its name must be a text', () => built['linear']?.()],
    [
      'linear l: rety is not known here, did you mean retry?',
      () => built['linear']?.('l', { rety: retry.times(2) }),
    ],
    ['unordered u: retry must be made by retry.times(…)', () => built['unordered']?.('u', { retry: 3 })],
    ['graph g: retry must be made by retry.times(…)', () => built['graph']?.('g', { retry: retry.times })],
    ['linear l: what it is given must be an object of retry', () => built['linear']?.('l', [a])],
    [
      'linear l: what it is given must be tasks and flows, and is undefined',
      () => line['add']?.(a, undefined),
    ],
    [
      'linear l: what it is given must be tasks and flows, and is a list (for lists there is addAll)',
      () => line['add']?.([a]),
    ],
    ['linear l: what it is given with addAll must be a list', () => line['addAll']?.(a)],
    [
      'linear l: neverResolv is not known here, did you mean neverResolve?',
      () => line['toJSON']?.({ neverResolv: true }),
    ],
    ['graph g: resolveRequire is not known here', () => net['addAll']?.([], { resolveRequire: false })],
    [
      'graph g: what it is given must be tasks and flows, and is undefined',
      () => net['link']?.(a, undefined),
    ],
    ['graph g: what it is given must be tasks and flows, and is string', () => net['target']?.('a')],
    [
      'the link a → b of g: decide is not known here',
      () => net['link']?.(a, b, { decider: expr('true'), decide: 1 }),
    ],
    ['the link a → b of g: decider is missing', () => net['link']?.(a, b, { depth: 'atom' })],
    [
      "the link a → b of g: decider has none of the allowed forms: expr('…')",
      () => net['link']?.(a, b, { decider: 'true' }),
    ],
    [
      'the link a → b of g: depth must be one of',
      () => net['link']?.(a, b, { decider: expr('true'), depth: 'deep' }),
    ],
    // retry
    ['retry.times: attempts is missing', () => by['times']?.()],
    ['retry.times: attempts must be a whole number', () => by['times']?.('3')],
    ['retry.times: attempts must be a whole number', () => by['times']?.(Number.NaN)],
    ['retry.times: attempts must be at least 0', () => by['times']?.(-1)],
    ['retry.times: what it is given must be an object of ', () => by['times']?.(3, null)],
    [
      'retry.times: revertsAll is not known here, did you mean revertAll?',
      () => by['times']?.(3, { revertsAll: true }),
    ],
    ['retry.times: attempts is not known here', () => by['times']?.(3, { attempts: 5 })],
    ['retry.times: on must be an array', () => by['times']?.(3, { on: 'Error' })],
    [
      'retry.times: backoff must be made by backoff.constant(…)',
      () => by['times']?.(3, { backoff: { initial: '1s' } }),
    ],
    ['retry.times: provides must be a text', () => by['times']?.(3, { provides: ['n'] })],
    ['retry.alwaysRevert: provides is not known here', () => by['alwaysRevert']?.({ provides: 'x' })],
    ['retry.forEach: values must be an array', () => by['forEach']?.('eu')],
    ['retry.forEach: values[0] must be JSON data', () => by['forEach']?.([new Map()])],
    ['retry.parameterizedForEach: values is missing', () => by['parameterizedForEach']?.({})],
    [
      'retry.parameterizedForEach: values must be a text',
      () => by['parameterizedForEach']?.({ values: [1] }),
    ],
    ["retry.custom: onFailure must be an expression: expr('…')", () => by['custom']?.('attempt < 3')],
    ["retry.custom: onFailure must be an expression: expr('…')", () => by['custom']?.(() => 'RETRY')],
    ['retry.custom: revertAll is not known here', () => by['custom']?.(expr('"RETRY"'), { revertAll: true })],
    // backoff
    ['backoff.constant: max is not known here', () => delays['constant']?.({ initial: 1, max: 2 })],
    ['backoff.linear: initial is missing', () => delays['linear']?.({})],
    ['backoff.exponential: initial must be a duration', () => delays['exponential']?.({ initial: 'soon' })],
  ])('%s', (message, act) => {
    expect(refusal(act)).toContain(message);
  });
});

describe('what a builder is given and can use', () => {
  it('is every option there is, and options that are undefined are left out', () => {
    const whole = task('whole', {
      requires: { size: z.number(), name: type<string>() },
      optional: { mtu: type<number>() },
      provides: { byIndex: ['x', 'y'] },
      rebind: { size: 'gb' },
      inject: { name: 'n' },
      version: '1.2',
      priority: -1,
      timeout: { attempt: '1.5s', queue: 500 },
      onWorkerLoss: 'park',
      isolation: 'process',
      attempts: { max: 2, delay: '1s', backoff: 'linear', retryOn: ['Error'] },
      preExecute: execute,
      execute: () => [1, 2],
      postExecute: execute,
      preRevert: execute,
      revert: execute,
      postRevert: execute,
    });
    expect(whole.toNode()).toMatchObject({
      timeout: { attemptMs: 1_500, queueMs: 500 },
      attempts: { delayMs: 1_000 },
    });
    const bare = built['task']?.('t', { execute, timeout: undefined, provides: undefined });
    expect(JSON.stringify(bare?.['toNode']?.())).toBe(
      '{"kind":"task","name":"t","requires":[],"optional":[],"provides":{}}',
    );
    const every = retry.times(0, {
      name: 'r',
      provides: 'n',
      priority: 1,
      revertAll: true,
      on: ['Error'],
      backoff: backoff.exponential({ initial: '1s', max: '1m', jitter: true }),
    });
    expect(every.definition).toMatchObject({ attempts: 0, on: ['Error'], provides: { n: null } });
    expect(retry.custom(expr('"RETRY"'), { requires: ['x'] }).definition).toMatchObject({ requires: ['x'] });
  });

  it('is an instance of a class, which may keep more than options', () => {
    class Counter {
      readonly requires = { by: type<number>() };
      count = 0;
      execute({ by }: { readonly by: number }): number {
        return (this.count += by);
      }
    }
    const counter = new Counter();
    const counting = task('count', counter);
    expect(counting.execute({ by: 2 }, undefined as never)).toBe(2);
    expect(counter.count).toBe(2);
    class Lazy {
      readonly execute = 'no';
    }
    expect(refusal(() => built['task']?.('lazy', new Lazy()))).toBe('task lazy: execute must be a function');
  });
});
