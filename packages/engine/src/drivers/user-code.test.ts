/** What tasks and stores can do wrong in process: the same codes as on a worker. */
import { codeOf } from '@baton/core';
import { linear, task, type, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { runDefinition, runFlow } from '../run-flow.js';

const nothing = { store: {} };
const failing = (thrown: unknown) =>
  task('fails', {
    execute: () => {
      throw thrown;
    },
  });

describe('tasks that need one another at the same time', () => {
  /** Each ends when all of them have begun. */
  function gathering(size: number) {
    const begun: string[] = [];
    let all = (): void => undefined;
    const gathered = new Promise<void>((resolve) => (all = resolve));
    const tasks = Array.from({ length: size }, (_, at) =>
      task(`t${at}`, {
        execute: async (_args, { atom }) => {
          if (begun.push(atom) === size) all();
          await gathered;
        },
      }),
    );
    return { flow: unordered('gathering').addAll(tasks), begun };
  }

  it.each([2, 7])('end under the parallel engine, %i at once', async (size) => {
    const { flow } = gathering(size);
    const { outcome } = await runFlow(flow, { ...nothing, engine: 'parallel', concurrency: size });
    expect(outcome).toBe('SUCCESS');
  });

  it('never meet when fewer may run at once', async () => {
    const { flow, begun } = gathering(4);
    void runFlow(flow, { ...nothing, engine: 'parallel', concurrency: 3 });
    await new Promise(setImmediate);
    expect(begun).toEqual(['t0', 't1', 't2']);
  });
});

describe('what a task throws', () => {
  it.each([
    ['a string', 'out of disk', 'out of disk'],
    ['nothing', undefined, 'undefined'],
    ['an object', { reason: 7 }, '{"reason":7}'],
  ])('may be %s', async (_what, thrown, message) => {
    const { outcome, failures } = await runFlow(linear('f').add(failing(thrown)), nothing);
    expect(outcome).toBe('REVERTED');
    expect(failures).toMatchObject([{ atom: 'fails', phase: 'execute', message, types: ['Error'] }]);
  });

  it('keeps its code and its type', async () => {
    const thrown = Object.assign(new RangeError('too far'), { code: 'EFAR' });
    const { failures } = await runFlow(linear('f').add(failing(thrown)), nothing);
    expect(failures).toMatchObject([{ code: 'EFAR', types: ['RangeError', 'Error'], message: 'too far' }]);
  });
});

describe('values', () => {
  const makes = (made: unknown) => task('makes', { provides: 'made', execute: () => made });

  it('reach the next task, the revert and the caller as they went, bytes too', async () => {
    const seen: unknown[] = [];
    const takes = task('takes', {
      requires: { made: type<Uint8Array>(), key: type<Uint8Array>() },
      provides: 'sum',
      execute: ({ made, key }) => made.length + key.length,
    });
    const bytes = task('bytes', {
      provides: 'made',
      execute: () => Uint8Array.of(1, 2),
      revert: (_args, { result }) => void seen.push(result),
    });
    const store = { key: Uint8Array.of(9) };
    const { results } = await runFlow(linear('f').add(bytes, takes), { store });
    expect(results).toEqual({ made: Uint8Array.of(1, 2), sum: 3 });
    await runFlow(linear('f').add(bytes, failing('no')), nothing);
    expect(seen).toEqual([Uint8Array.of(1, 2)]);
  });

  it.each([
    ['a date', { at: new Date(0) }, 'result.at is a Date'],
    ['a map', new Map(), 'result is a Map'],
    ['no number', [1, NaN], 'result[1] is NaN'],
    ['a big integer', 1n, 'result is a bigint'],
  ])('that JSON would change are refused: %s', async (_what, made, place) => {
    const { outcome, failures } = await runFlow(linear('f').add(makes(made)), nothing);
    expect(outcome).toBe('REVERTED');
    expect(failures).toMatchObject([{ code: 'RESULT_NOT_SERIALISABLE', phase: 'result', retryable: false }]);
    expect(failures[0]?.message).toContain(place);
  });

  it('of a revert are for people: one that cannot be stored leaves the task undone', async () => {
    const undone = task('undone', { execute: () => 1, revert: () => new Map() });
    const { outcome } = await runFlow(linear('f').add(undone, failing('no')), nothing);
    expect(outcome).toBe('REVERTED');
  });

  it('given with the flow are refused before anything runs', async () => {
    const flow = linear('f').add(task('a', { requires: { when: type<Date>() }, execute: () => undefined }));
    const refused = await runFlow(flow, { store: { when: new Date(0) } }).catch((error: unknown) => error);
    expect(codeOf(refused)).toBe('BATON_INPUT_INVALID');
    expect(String(refused)).toContain('store.when is a Date');
  });
});

describe('a task that nobody gave', () => {
  it('fails its atom, and what ran is undone', async () => {
    const undone: string[] = [];
    const here = task('here', { execute: () => 1, revert: () => void undone.push('here') });
    const definition = linear('f')
      .add(here, task('gone', { attempts: { max: 3, delay: '1h' }, execute: () => 1 }))
      .toJSON();
    const { outcome, failures } = await runDefinition({ definition, tasks: [here], store: {} });
    expect([outcome, undone]).toEqual(['REVERTED', ['here']]);
    expect(failures).toMatchObject([{ code: 'NO_SUCH_TASK', atom: 'gone', attempt: 1 }]);
  });
});
