import { codeOf, idempotencyKeyOf } from '@baton/core';
import { linear, type NodeDefinition, retry, task, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compile } from './compile.js';
import { MemoryLogBook } from './drivers/log-book.js';
import { type BeginEvent, type EngineKind, runFlow, type RunFlowOptions } from './run-flow.js';
import type { Event } from './protocol.js';
import { newRun } from './run-state.js';
import { step } from './step.js';

/** Tasks that note what is done; `broken` fail as long as they are in it. */
function world(engine: EngineKind) {
  const [done, requestIds, logBook]: [string[], string[], MemoryLogBook] = [[], [], new MemoryLogBook()];
  const broken = new Set<string>();
  const made = <const N extends string>(name: N) =>
    task(name, {
      execute: (_args, { requestId }) => {
        done.push(name);
        requestIds.push(requestId);
        if (broken.has(name)) throw new Error(`${name} broke`);
        return name;
      },
      revert: () => void done.push(`-${name}`),
    });
  const run = async (
    flow: Parameters<typeof runFlow<string, object, object>>[0],
    begin?: BeginEvent,
    options: Partial<RunFlowOptions<object>> = {},
  ) => {
    done.length = 0;
    const all = { store: {}, logBook, engine, ...options, ...(begin && { begin }) };
    return (await runFlow(flow, all)).outcome;
  };
  const facts = async () => (await logBook.load('in-process'))?.turns.flat() ?? [];
  return { done, requestIds, broken, made, run, facts, logBook };
}

const by = { by: 'mo', reason: 'disk was full' };

describe.each<EngineKind>(['serial', 'parallel', 'lazy'])('an operator, in the %s engine,', (engine) => {
  it('has a finished run run again from an atom on; results of what is before it are kept (E-1324)', async () => {
    const { done, requestIds, made, run, facts } = world(engine);
    const flow = linear('f').add(made('a'), linear('g').add(made('b')), made('c'));
    await run(flow);
    expect(await run(flow, { type: 'rerun', from: 'b', ...by })).toBe('SUCCESS');
    expect(done).toEqual(['b', 'c']);
    expect(new Set(requestIds).size).toBe(5);
    expect(await facts()).toContainEqual({ fact: 'scope', of: 'b', to: 'RERUN', note: by });
    expect(await run(flow, { type: 'rerun' })).toBe('SUCCESS');
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('has what fails then undone, with all that the first life did (E-1933)', async () => {
    const { done, broken, made, run } = world(engine);
    const flow = linear('f').add(made('a'), made('b'));
    await run(flow);
    broken.add('b');
    expect(await run(flow, { type: 'rerun', from: 'b' })).toBe('REVERTED');
    expect(done).toEqual(['b', '-b', '-a']);
  });

  it('has an undone run run again as a whole, and only as a whole (E-1324)', async () => {
    const { done, broken, made, run } = world(engine);
    const flow = unordered('f').add(made('a'), made('b'));
    broken.add('b');
    expect(await run(flow)).toBe('REVERTED');
    expect(await run(flow, { type: 'rerun', from: 'b' }).catch(codeOf)).toBe('BATON_CONFLICT_NOT_RESETTABLE');
    broken.clear();
    expect(await run(flow, { type: 'rerun' })).toBe('SUCCESS');
    expect(done.toSorted()).toEqual(['a', 'b']);
    broken.add('a');
    expect(await run(flow, { type: 'rerun' })).toBe('REVERTED');
    expect(done.toSorted()).toEqual(['-a', '-b', 'a', 'b']);
  });

  it('gives controllers all their attempts again (E-1324)', async () => {
    const { done, broken, made, run } = world(engine);
    const flow = linear('f', { retry: retry.times(2) }).add(made('a'));
    await run(flow);
    broken.add('a');
    expect(await run(flow, { type: 'rerun' })).toBe('REVERTED');
    expect(done).toEqual(['a', '-a', 'a', '-a']);
  });

  it('gives what was undone a key of its own when it runs again (S12, E-1324)', async () => {
    const { requestIds, broken, made, run } = world(engine);
    const inner = linear('g', { retry: retry.times(2) }).add(made('b'), made('c'));
    const flow = linear('f').add(made('a'), inner);
    broken.add('c');
    expect(await run(flow)).toBe('REVERTED');
    expect(await run(flow, { type: 'rerun' })).toBe('REVERTED');
    broken.clear();
    expect(await run(flow)).toBe('SUCCESS');
    const keys = requestIds.map(idempotencyKeyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('cannot have run again what is half undone (E-1310)', async () => {
    const { broken, made, run } = world(engine);
    const stuck = task('s', { execute: () => 1, revert: () => Promise.reject(new Error('busy')) });
    const flow = linear('f').add(stuck, made('a'));
    broken.add('a');
    expect(await run(flow)).toBe('FAILURE');
    expect(await run(flow, { type: 'rerun' }).catch(codeOf)).toBe('BATON_CONFLICT_HALF_UNDONE');
    expect(await run(flow, { type: 'rerun', from: 'x' }).catch(codeOf)).toBe('BATON_INPUT_INVALID');
  });

  it('has a failed atom run again, where nothing is resolved (E-1411)', async () => {
    const { done, broken, made, run } = world(engine);
    const flow = linear('f').add(made('a'), made('b'), made('c'));
    broken.add('b');
    expect(await run(flow, undefined, { neverResolve: true })).toBe('FAILURE');
    broken.clear();
    expect(await run(flow, { type: 'rerun', from: 'b' }, { neverResolve: true })).toBe('SUCCESS');
    expect(done).toEqual(['b', 'c']);
  });

  it('has a failed atom left out, and the flow goes on (C-1310)', async () => {
    const { done, broken, made, run, facts } = world(engine);
    const flow = linear('f').add(made('a'), made('b'), made('c'));
    broken.add('b');
    await run(flow, undefined, { neverResolve: true });
    expect(await run(flow, { type: 'skip', atom: 'a' }, { neverResolve: true })).toBe('FAILURE');
    expect(done).toEqual([]);
    expect(await run(flow, { type: 'skip', atom: 'b', ...by }, { neverResolve: true })).toBe('SUCCESS');
    expect(done).toEqual(['c']);
    expect(await facts()).toContainEqual(expect.objectContaining({ atom: 'b', to: 'IGNORE', note: by }));
  });

  it('has all that comes after it left out as well (E-521)', async () => {
    const { done, broken, made, run } = world(engine);
    const flow = linear('f').add(made('a'), made('b'), made('c'));
    broken.add('b');
    await run(flow, undefined, { neverResolve: true });
    const skipped = await run(flow, { type: 'skip', atom: 'b', depth: 'all' }, { neverResolve: true });
    expect([skipped, done]).toEqual(['SUCCESS', []]);
  });
});

it('what was under way when the engine stopped is taken up with what an operator wants', async () => {
  const { done, broken, made, run, logBook } = world('parallel');
  const flow = unordered('f').add(made('a'), linear('g').add(made('b'), made('c')));
  broken.add('a');
  const append = logBook.append.bind(logBook);
  logBook.append = (flowId, seq, facts) =>
    facts.some((fact) => fact.fact === 'atom' && fact.atom === 'b' && fact.to === 'SUCCESS')
      ? Promise.reject(new Error('power cut'))
      : append(flowId, seq, facts);
  await expect(run(flow, undefined, { neverResolve: true })).rejects.toThrow('power cut');
  logBook.append = append;
  expect(await run(flow, { type: 'skip', atom: 'a' }, { neverResolve: true })).toBe('SUCCESS');
  expect(done).toEqual(['b', 'c']);
});

it('a cancelled run runs again: what was told to stop is asked for anew, under another id (C-328)', () => {
  const children = ['a', 'b', 'c'].map((name) => ({ kind: 'task', name }) as const);
  const root: NodeDefinition = { kind: 'unordered', name: 'f', children };
  const state = newRun(compile({ schemaVersion: 1, root }), { flowId: 'f', store: {} });
  const asked = (event: Event) =>
    step(state, event).commands.flatMap((command) => (command.type === 'execute' ? [command.requestId] : []));
  const [a = '', b = '', c = ''] = asked({ type: 'run' });
  step(state, { type: 'completed', requestId: a });
  step(state, { type: 'cancel', revert: false });
  const again = asked({ type: 'rerun', from: 'b' });
  expect(again.map((requestId) => requestId.split('/')[1])).toEqual(['b', 'c']);
  for (const requestId of [b, c]) expect(step(state, { type: 'completed', requestId }).facts).toEqual([]);
  for (const requestId of again) step(state, { type: 'completed', requestId });
  expect(state.flow).toBe('SUCCESS');
});
