import { targeted, task, withFlows } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { type LogBook, MemoryLogBook } from '../drivers/log-book.js';
import type { Listener } from '../drivers/notifier.js';
import { type EngineKind, runDefinition } from '../run-flow.js';
import { acceptance } from '../../../testkit/src/routed-flows/acceptance.js';
import { chain, targets } from '../../../testkit/src/routed-flows/target-cases.js';
import { named, next, routed, run, runBy, tasks } from '../../../testkit/src/routed-flows/routed.js';

const engines: readonly EngineKind[] = ['serial', 'parallel', 'lazy'];

function inEach(name: string, body: (engine: EngineKind) => Promise<void>): void {
  it.each(engines)(`${name}, %s`, body);
}

for (const { name, body } of acceptance) inEach(name, (engine) => body(runBy(engine)));

for (const [target, results] of targets)
  inEach(`M32 target selection: ${target}`, async (engine) => {
    const definition = targeted(chain, target);
    const report = await runDefinition({ definition, tasks, store: {} }, { engine });
    const ran = report.transitions.filter(({ of, to }) => of === 'task' && to === 'SUCCESS');
    expect([report.outcome, report.results, ran.length]).toEqual([
      'SUCCESS',
      results,
      Object.keys(results).length,
    ]);
  });

it('a target that there is not, or of a flow that has transitions, is refused', () => {
  expect(() => targeted(chain, 'aa')).toThrow('chain has no atom aa to be its target; did you mean a?');
  expect(() => targeted({ schemaVersion: 1, root: routed({ a: {} }) }, 'a')).toThrow('is for ordered flows');
});

inEach('a run that is suspended from outside goes on where it stood', async (engine) => {
  const stop = new AbortController();
  const logBook = new MemoryLogBook();
  const definition = routed(
    {
      a: { task: 'stop', onSuccess: next('b', 'c') },
      ...{ b: { task: 'echo', onSuccess: next('j') }, c: { task: 'echo', onSuccess: next('j') } },
      j: { join: 'all', publish: { branch: { done: true } } },
    },
    { output: { done: '${done}' } },
  );
  const given = [...tasks, task('stop', { execute: () => stop.abort() })];
  const options = { engine, logBook, given };
  const first = await run(definition, { ...options, suspendSignal: stop.signal });
  expect([first.outcome, first.states]).toEqual(['SUSPENDED', { a: 'SUCCESS' }]);
  const second = await run(definition, options);
  expect([second.outcome, second.output]).toEqual(['SUCCESS', { done: true }]);
});

inEach(
  'rollback: sub-flows are undone in their place, the last first, without a log book too',
  async (engine) => {
    const log: string[] = [];
    const mark = task('mark', {
      execute: ({ as }: Readonly<Record<string, unknown>>) => as,
      revert: (_: object, { result }: { readonly result: unknown }) => void log.push(String(result)),
    });
    const marked = (as: string, to?: string) => ({
      ...{ task: 'mark', input: { as } },
      ...(to !== undefined && { onSuccess: next(to) }),
    });
    const inner = named('inner', { i: marked('i') }, { rollback: 'completed' });
    const child = named('child', {
      x: marked('x', 'y'),
      y: { flow: 'inner', onSuccess: next('z') },
      z: marked('z'),
    });
    const root = routed(
      { a: marked('a', 'b'), b: { flow: 'child', onSuccess: next('c') }, c: marked('c', 'fail') },
      { rollback: 'completed' },
    );
    const definition = withFlows({ schemaVersion: 1, root }, [child, inner]);
    const { outcome } = await runDefinition({ definition, tasks: [mark], store: {} }, { engine });
    expect([outcome, log]).toEqual(['REVERTED', ['c', 'z', 'i', 'x', 'a']]);
  },
);

inEach(
  'rollback: a sub-flow that runs is told to stop, undone, and only then what led to it',
  async (engine) => {
    const stop = new AbortController();
    const log: string[] = [];
    const given = [
      task('mark', { execute: () => 1, revert: () => void log.push('mark') }),
      task('slow', {
        execute: (_: object, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('told to stop')));
            stop.abort();
          }),
        revert: () => void log.push('slow'),
      }),
    ];
    const child = named('child', { x: { task: 'slow' } });
    const definition = routed(
      { a: { task: 'mark', onSuccess: next('b') }, b: { flow: 'child' } },
      { rollback: 'completed' },
    );
    const { outcome } = await run(definition, { engine, given, flows: [child], signal: stop.signal });
    expect([outcome, log]).toEqual(['REVERTED', ['slow', 'mark']]);
  },
);

inEach('rollback: a run that is cancelled is undone, what runs once it has stopped', async (engine) => {
  const stop = new AbortController();
  const definition = routed(
    {
      a: { task: 'echo', onSuccess: next('b') },
      b: { task: 'stop', onSuccess: next('c') },
      ...{ c: { task: 'echo' }, d: { delegate: 'approve' } },
    },
    { rollback: 'completed' },
  );
  const given = [...tasks, task('stop', { execute: () => stop.abort() })];
  const answers = { approve: () => undefined };
  const ended = await run(definition, { engine, given, answers, signal: stop.signal });
  expect([ended.outcome, ended.undone, ended.failures]).toEqual(['REVERTED', ['b', 'a'], []]);
  expect(ended.states).toEqual({ a: 'REVERTED', b: 'REVERTED', d: 'CANCELLED' });
});

inEach('a run that is cancelled ends so, with all that is under way', async (engine) => {
  const stop = new AbortController();
  const definition = routed({
    a: { task: 'stop', onSuccess: next('b', 'j') },
    ...{ b: { task: 'echo', onSuccess: next('j') }, j: { join: 'all', task: 'echo' } },
  });
  const given = [...tasks, task('stop', { execute: () => stop.abort() })];
  const { outcome, states } = await run(definition, { engine, given, signal: stop.signal });
  expect([outcome, states]).toEqual(['CANCELLED', { a: 'CANCELLED' }]);
});

const waiting = named('waiting', {
  c: { task: 'stop', onSuccess: next('d') },
  d: { task: 'sleep', input: { ms: 200 }, onSuccess: next('e') },
  e: { task: 'echo' },
});
const parent = routed(
  { a: { flow: 'waiting', onSuccess: next('b') }, b: { publish: { branch: { all: true } } } },
  { output: { all: '${all}' } },
);

inEach('M38 suspend and sub-flows: suspended from outside', async (engine) => {
  const stop = new AbortController();
  const given = [...tasks, task('stop', { execute: () => stop.abort() })];
  const options = { engine, given, flows: [waiting], logBook: new MemoryLogBook() };
  const held = await run(parent, { ...options, suspendSignal: stop.signal });
  expect([held.outcome, held.states]).toEqual(['SUSPENDED', { a: 'SUSPENDED' }]);
  const going = await run(parent, options);
  expect([going.outcome, going.output]).toEqual(['SUCCESS', { all: true }]);
});

inEach('M39 cancel: children and theirs', async (engine) => {
  const stop = new AbortController();
  const given = [...tasks, task('stop', { execute: () => stop.abort() })];
  const middle = named('middle', { m: { flow: 'waiting' }, n: { flow: 'waiting' } });
  const definition = routed({ a: { flow: 'middle', forEach: { item: [1, 2] } } });
  const heard = new Map<string, string>();
  const listener: Listener = {
    notify: (told) => void (told.of === 'flow' && heard.set(told.flowId, told.to)),
  };
  const options = { engine, given, flows: [middle, waiting], signal: stop.signal, listeners: [listener] };
  expect((await run(definition, options)).outcome).toBe('CANCELLED');
  expect(new Set(heard.values())).toEqual(new Set(['CANCELLED']));
});

inEach('a run whose engine stopped goes on, with its child', async (engine) => {
  const [logBook, full] = [new MemoryLogBook(), new Error('full')];
  const failing: LogBook = {
    create: (detail) => logBook.create(detail),
    load: (flowId) => logBook.load(flowId),
    append: (flowId, seq, facts) =>
      flowId !== 'in-process' && seq === 1 ? Promise.reject(full) : logBook.append(flowId, seq, facts),
  };
  const given = [...tasks, task('stop', { execute: () => null })];
  const options = { engine, given, flows: [waiting] };
  await expect(run(parent, { ...options, logBook: failing })).rejects.toBe(full);
  expect((await run(parent, { ...options, logBook })).output).toEqual({ all: true });
});
