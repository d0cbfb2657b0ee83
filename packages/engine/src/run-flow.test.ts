import { graph, isFailure, linear, retry, task, type, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { runDefinition, runFlow } from './run-flow.js';

const undone: string[] = [];
const volume = task('volume', {
  requires: { sizeGb: z.number().int().positive() },
  provides: 'volumeId',
  execute: ({ sizeGb }) => `v${sizeGb}`,
  revert: (_args, { result }) => void undone.push(`volume ${isFailure(result) ? 'failed' : result}`),
});
const port = task('port', {
  provides: ['portId', 'ip'],
  execute: async () => Promise.resolve({ portId: 'p1', ip: '10.0.0.1', ignored: true }),
  revert: () => void undone.push('port'),
});

describe('runFlow', () => {
  it('runs a flow to the end and gives what it provides', async () => {
    const boot = task('boot', {
      requires: { volumeId: type<string>(), ip: type<string>() },
      provides: 'vm',
      execute: ({ volumeId, ip }, { idempotencyKey }) => `${volumeId}@${ip} ${idempotencyKey}`,
    });
    const flow = linear('deploy').add(unordered('prepare').add(volume, port), boot);
    const { outcome, results, failures } = await runFlow(flow, { store: { sizeGb: 3 } });
    expect({ outcome, results, failures }).toEqual({
      outcome: 'SUCCESS',
      results: { volumeId: 'v3', portId: 'p1', ip: '10.0.0.1', vm: 'v3@10.0.0.1 in-process/boot/execute/0' },
      failures: [],
    });
  });

  it('undoes what ran when a task fails, in reverse order', async () => {
    undone.length = 0;
    const broken = task('broken', {
      execute: () => {
        throw new RangeError('too far');
      },
      revert: (_args, { result, flowFailures }) =>
        void undone.push(`broken ${isFailure(result)} ${Object.keys(flowFailures).join()}`),
    });
    const { outcome, results, failures, transitions } = await runFlow(linear('f').add(volume, port, broken), {
      store: { sizeGb: 1 },
    });
    expect([outcome, results]).toEqual(['REVERTED', {}]);
    expect(failures).toMatchObject([
      { atom: 'broken', message: 'too far', types: ['RangeError', 'Error'], phase: 'execute' },
    ]);
    expect(undone).toEqual(['broken true broken', 'port', 'volume v1']);
    expect(transitions.at(-1)).toEqual({ of: 'flow', from: 'RUNNING', to: 'REVERTED' });
  });

  it('tries again as its retry controllers decide, without waiting', async () => {
    const tried: unknown[] = [];
    const pick = task('pick', {
      requires: { region: type<string>() },
      provides: 'chosen',
      execute: ({ region }) => {
        tried.push(region);
        if (region === 'eu') throw new Error('full');
        return region;
      },
    });
    const flow = linear('regions', {
      retry: retry.forEach(['eu', 'us'], {
        provides: 'region',
        backoff: { kind: 'constant', initialMs: 60_000 },
      }),
    }).add(pick);
    const { outcome, results } = await runFlow(flow, { store: {} });
    expect([outcome, results, tried]).toEqual(['SUCCESS', { region: 'us', chosen: 'us' }, ['eu', 'us']]);
  });

  it('checks arguments and results', async () => {
    const wrong = await runFlow(linear('f').add(volume), { store: { sizeGb: -1 } });
    expect([wrong.outcome, wrong.failures[0]?.code]).toEqual(['REVERTED', 'ARGUMENTS_INVALID']);
    const broken = task('lacks', { provides: ['id'], execute: (): { id?: string } => ({}) });
    const { failures } = await runFlow(linear('f').add(broken), { store: {} });
    expect(failures).toMatchObject([{ code: 'RESULT_SHAPE', phase: 'result' }]);
  });

  it('uses a task several times, with renamed and injected inputs', async () => {
    const echo = task('echo', {
      requires: { text: type<string>() },
      provides: 'text',
      execute: ({ text }) => `${text}!`,
    });
    const flow = graph('g').add(
      echo.as('one', { inject: { text: 'a' } }),
      echo.as('two', { rebind: { text: 'other' } }),
    );
    const { outcome, results } = await runFlow(flow, { store: { other: 'b' } });
    expect([outcome, results.text]).toEqual(['SUCCESS', 'b!']);
  });

  it('leaves out what a decider refuses', async () => {
    const [a, b] = [task('a', { execute: () => undefined }), task('b', { provides: 'b', execute: () => 1 })];
    const flow = graph('g')
      .add(a, b)
      .link(a, b, { decider: { local: 'never' } });
    const { outcome, results } = await runFlow(flow, {
      store: {},
      functions: { deciders: { never: () => false } },
    });
    expect([outcome, results]).toEqual(['SUCCESS', {}]);
  });
});

describe('runFlow in JavaScript', () => {
  const one = linear('l').add(task('t', { provides: 'x', execute: () => 1 }));
  const run = runFlow as unknown as (
    flow: unknown,
    options?: unknown,
  ) => Promise<{ readonly outcome: string }>;

  it.each<[string, unknown]>([
    ['concurrency must be at least 1', { engine: 'parallel', concurrency: -3 }],
    ['concurrency must be at least 1', { engine: 'parallel', concurrency: 0 }],
    ['concurrency must be a whole number', { engine: 'parallel', concurrency: Number.NaN }],
    ['engine must be one of serial, parallel, lazy', { engine: 'fast' }],
    ['engin is not known here, did you mean engine?', { engin: 'serial' }],
    ['stor is not known here, did you mean store?', { stor: {} }],
    ['store must be an object', { store: 'x' }],
    ['store must be an object', { store: null }],
    ['its options must be an object of store, ', 'x'],
    ['neverResolve must be true or false', { neverResolve: 'yes' }],
    ['signal must be an AbortSignal: of an AbortController, its signal', { signal: new AbortController() }],
    ['clock must be', { clock: 'real' }],
    ['logBook must be a LogBook', { logBook: {} }],
    ['listeners must be an array', { listeners: () => undefined }],
    ['listeners[0] must be an object with notify', { listeners: [() => undefined] }],
    ['functions.decider is not known here, did you mean deciders?', { functions: { decider: {} } }],
    ['functions.deciders.d must be a function', { functions: { deciders: { d: true } } }],
    ['begin.type must be one of run, ', { begin: { type: 'start' } }],
  ])('says what is wrong with an option: %s', async (message, options) => {
    const refused = run(one, options);
    await expect(refused).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
    await expect(refused).rejects.toThrow(`runFlow: ${message}`);
  });

  it('takes a store that is not given for an empty one', async () => {
    for (const options of [undefined, {}, { store: undefined }])
      expect(await run(one, options)).toMatchObject({ outcome: 'SUCCESS', results: { x: 1 } });
  });

  it('says what is no flow, and runDefinition has the same options', async () => {
    for (const flow of [undefined, one.toJSON()])
      await expect(run(flow)).rejects.toThrow('runFlow: its flow must be made by linear()');
    const json = { definition: one.toJSON(), tasks: one.tasks(), store: {} };
    await expect(runDefinition(json, { concurrency: 0 })).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
    });
    await expect(runDefinition(json, { stor: 1 } as object)).rejects.toThrow(
      'runDefinition: stor is not known here',
    );
  });
});
