/** Rules that neither the scenarios nor the recordings show. */
import { codeOf, type Fact, failureOf, type JsonValue, type Value } from '@baton/core';
import type { NodeDefinition, RetryDefinition, TaskDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { extract, resolveArguments } from './arguments.js';
import { compile } from './compile.js';
import { MemoryLogBook } from './drivers/log-book.js';
import { Notifier, queueMax } from './drivers/notifier.js';
import { heldTurns } from './drivers/turns.js';
import type { LocalFunctions } from './local-functions.js';
import type { Command, Event, Turn } from './protocol.js';
import { backoffMs, builtInController } from './retry-controllers.js';
import { newRun, type HistoryEntry, type RunState } from './run-state.js';
import { step } from './step.js';
import { missingDependencies } from './validate.js';

const task = (name: string, more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  kind: 'task',
  name,
  ...more,
});
const linear = (children: readonly NodeDefinition[], retry?: RetryDefinition): NodeDefinition => ({
  kind: 'linear',
  name: 'f',
  children,
  ...(retry && { retry }),
});
const boom = (type = 'Boom', more: Partial<ReturnType<typeof failureOf>> = {}) => ({
  ...failureOf('X', 'x', more),
  types: [type, 'Error'],
});

/** A run that is driven by the names of atoms. */
class Played {
  readonly state: RunState;
  readonly commands: Command[] = [];

  constructor(
    root: NodeDefinition,
    more: { store?: Readonly<Record<string, Value>>; functions?: LocalFunctions } = {},
  ) {
    this.state = newRun(compile({ schemaVersion: 1, root }), { flowId: 'f', store: {}, ...more });
    this.take({ type: 'run' });
  }

  take(event: Event): Turn {
    const turn = step(this.state, event);
    this.commands.push(...turn.commands);
    return turn;
  }

  ok(atom: string, data?: JsonValue): Turn {
    const requestId = this.run(atom).requestId ?? '';
    return this.take({ type: 'completed', requestId, ...(data !== undefined && { value: { data } }) });
  }

  fail(atom: string, failure = boom()): Turn {
    return this.take({ type: 'failed', requestId: this.run(atom).requestId ?? '', failure });
  }

  run(atom: string) {
    const run = this.state.runs[this.state.compiled.atoms.get(atom)?.id ?? -1];
    if (!run) throw new Error(`no atom ${atom}`);
    return run;
  }
}

describe('a journal that does not fit', () => {
  const folded = (...facts: readonly Fact[]): string | undefined => {
    const { state } = new Played(linear([task('a')]));
    try {
      fold(state, facts);
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  };

  it('is refused: changes outside the tables, and from a state that is not there (E-714, E-721)', () => {
    const succeeds = { fact: 'atom', atom: 'a', from: 'RUNNING', to: 'SUCCESS' } as const;
    expect(folded(succeeds)).toBeUndefined();
    expect([
      folded({ ...succeeds, to: 'REVERTED' }),
      folded({ fact: 'flow', from: 'RUNNING', to: 'PENDING' }),
      folded({ ...succeeds, from: 'PENDING', to: 'RUNNING' }),
      folded({ fact: 'flow', from: 'SUSPENDED', to: 'RUNNING' }),
      folded({ ...succeeds, atom: 'nobody' }),
    ]).toEqual(Array(5).fill('BATON_INVARIANT_TRANSITION'));
  });

  it('that leaves a flow without a way on is a defect, and not an undone flow (E-820)', () => {
    const { state } = new Played(linear([task('a'), task('b')]));
    fold(state, [{ fact: 'intention', atom: 'b', to: 'IGNORE' }]);
    const requestId = state.runs[state.compiled.atoms.get('a')?.id ?? -1]?.requestId ?? '';
    expect(() => step(state, { type: 'completed', requestId })).toThrow(/stuck: b can never start/);
  });
});

describe('events out of place', () => {
  it('are passed over: a request taken back while nobody suspends (E-823)', () => {
    const played = new Played(linear([task('a')]));
    const requestId = played.run('a').requestId ?? '';
    expect(played.take({ type: 'withdrawn', requestId }).facts).toEqual([]);
    played.take({ type: 'suspend' });
    expect(played.take({ type: 'withdrawn', requestId }).commands).toEqual([{ type: 'suspended' }]);
  });

  it('are refused before anything is changed: a reset of what is not done (E-806)', () => {
    const played = new Played(linear([task('a'), task('b')]));
    played.take({ type: 'suspend' });
    played.ok('a');
    expect(played.state.flow).toBe('SUSPENDED');
    expect(() => played.take({ type: 'reset' })).toThrow(/only a flow that is done can be reset/);
    expect(played.run('a').state).toBe('SUCCESS');
  });
});

describe('compiling', () => {
  it('knows atoms in document order, a retry before what it controls (E-113)', () => {
    const { atoms } = compile({
      schemaVersion: 1,
      root: linear([task('a'), task('b')], { kind: 'alwaysRevert' }),
    });
    expect([...atoms.keys()]).toEqual(['f_retry', 'a', 'b']);
  });

  it('nests flows 64 deep, and no deeper (E-1802)', () => {
    const nested = (depth: number): NodeDefinition =>
      Array.from({ length: depth }).reduce<NodeDefinition>((inner) => linear([inner]), task('a'));
    expect(compile({ schemaVersion: 1, root: nested(65) }).atoms.size).toBe(1);
    expect(() => compile({ schemaVersion: 1, root: nested(66) })).toThrow(/nested deeper than 64/);
  });

  it('finds no source for what only the atom itself provides (E-401)', () => {
    const root = linear([task('a', { requires: ['x'], provides: { x: null } })]);
    expect(missingDependencies(compile({ schemaVersion: 1, root }), [])).toHaveLength(2);
  });
});

describe('inputs', () => {
  const argsOf = (played: Played, atom: string) => {
    const node = played.state.compiled.atoms.get(atom);
    if (node === undefined) throw new Error(`no atom ${atom}`);
    return resolveArguments(played.state, node, 'execute');
  };

  it('come from the atom before the store, and from the store before other atoms (E-1101, E-1102)', () => {
    const reads = { requires: ['x'] };
    const played = new Played(
      linear([
        task('p', { provides: { x: null } }),
        task('i', { ...reads, inject: { x: 1 } }),
        task('s', reads),
      ]),
      { store: { x: { data: 2 } } },
    );
    played.ok('p', 3);
    expect(argsOf(played, 'i')).toEqual({ args: { x: { value: { data: 1 } } } });
    expect(argsOf(played, 's')).toEqual({ args: { x: { value: { data: 2 } } } });
  });

  it('are own parts of a result, by key or by position (E-1104)', () => {
    expect(extract({ data: { a: 1 } }, 'a')).toEqual({ value: { data: 1 } });
    expect(extract({ data: ['a'] }, 0)).toEqual({ value: { data: 'a' } });
    expect(extract({ data: { a: 1 } }, 'toString')).toBeUndefined();
    expect(extract({ data: { 0: 'a' } }, 0)).toBeUndefined();
  });

  it('do not come from an outer scope when the first that has a provider has no value (E-402)', () => {
    const gives = { provides: { x: 'x' } } as const;
    const root = linear([
      task('outer', gives),
      {
        kind: 'linear',
        name: 'inner',
        children: [task('near', { provides: { x: null } }), task('reads', { optional: ['x'] })],
      },
    ]);
    const played = new Played(root);
    played.ok('outer', { x: 1 });
    expect(argsOf(played, 'reads')).toEqual({ args: {} });
  });
});

describe('retry controllers', () => {
  const history = (...entries: readonly (readonly [JsonValue, ...string[]])[]): HistoryEntry[] =>
    entries.map(([data, ...types]) => ({
      value: { data },
      failures: new Map(types.map((type, at) => [`t${at}`, boom(type)])),
    }));
  const decide = (retry: RetryDefinition, given: HistoryEntry[]) =>
    builtInController(retry).onFailure({ args: {}, history: given, failure: undefined });

  it('look at the newest failure when they are there for some only (E-618)', () => {
    const times: RetryDefinition = { kind: 'times', attempts: 9, on: ['Busy'] };
    expect([
      decide(times, history([1, 'Busy'])),
      decide(times, history([1, 'Broken'])),
      decide(times, history([1, 'Busy'], [2, 'Broken'])),
      decide(times, history([1, 'Broken'], [2, 'Broken', 'Busy'])),
    ]).toEqual(['RETRY', 'REVERT', 'REVERT', 'RETRY']);
  });

  it('take equal values for equal, whatever the order of their keys, and each as often as it is listed (E-614)', () => {
    const values = [{ a: 1, b: 2 }, 'x', 'x'];
    const forEach: RetryDefinition = { kind: 'forEach', values };
    expect(decide(forEach, history([{ b: 2, a: 1 }], ['x']))).toBe('RETRY');
    expect(decide(forEach, history([{ b: 2, a: 1 }], ['x'], ['x']))).toBe('REVERT');
    const next = builtInController(forEach).execute({
      args: {},
      history: history([{ b: 2, a: 1 }]),
      failure: undefined,
    });
    expect(next).toEqual({ data: 'x' });
  });

  it('wait as long as they say: grown from the first delay, up to the longest, less with jitter (E-617)', () => {
    const wait = (kind: 'constant' | 'linear' | 'exponential', round: number) =>
      backoffMs({ kind, initialMs: 10, maxMs: 35 }, round, 'seed');
    expect([1, 2, 3, 4].map((round) => wait('constant', round))).toEqual([10, 10, 10, 10]);
    expect([1, 2, 3, 4].map((round) => wait('linear', round))).toEqual([10, 20, 30, 35]);
    expect([1, 2, 3, 4].map((round) => wait('exponential', round))).toEqual([10, 20, 35, 35]);
    const jittered = Array.from({ length: 100 }, (_, at) =>
      backoffMs({ kind: 'constant', initialMs: 1_000, jitter: true }, 1, `f/${at}`),
    );
    expect([Math.min(...jittered) >= 500, Math.max(...jittered) <= 1_000]).toEqual([true, true]);
    expect(Math.max(...jittered) - Math.min(...jittered)).toBeGreaterThan(300);
  });

  it('try 1,000 times at most (E-1803)', () => {
    const played = new Played(linear([task('a')], { kind: 'custom', name: 'r' }), {
      functions: {
        retries: { r: { execute: () => undefined, onFailure: () => 'RETRY' } },
      },
    });
    let rounds = 0;
    for (; played.state.flow === 'RUNNING'; rounds++) {
      played.fail('a');
      played.ok('a');
    }
    expect([rounds, played.state.flow]).toEqual([1000, 'REVERTED']);
  });

  it('are told what failed when they are undone (E-128)', () => {
    const told: unknown[] = [];
    const retries = {
      f_retry: {
        ...builtInController({ kind: 'alwaysRevert' }),
        revert: ({ flowFailures }: { flowFailures: object }) => void told.push(Object.keys(flowFailures)),
      },
    };
    const played = new Played(linear([task('a')], { kind: 'alwaysRevert' }), { functions: { retries } });
    played.fail('a');
    played.ok('a');
    expect([played.state.flow, told]).toEqual(['REVERTED', [['a']]]);
  });
});

describe('a new round', () => {
  it('forgets the failures of the last one (E-643)', () => {
    const played = new Played(linear([task('a'), task('b')], { kind: 'times', attempts: 2 }));
    played.ok('a');
    played.fail('b');
    played.ok('b');
    played.ok('a');
    expect(played.run('b')).toMatchObject({ state: 'PENDING', intention: 'EXECUTE', failure: undefined });
    played.fail('a');
    played.ok('a');
    const last = played.commands.at(-1);
    expect(last?.type === 'finish' && last.failures.map(({ atom, round }) => [atom, round])).toEqual([
      ['a', 2],
    ]);
  });
});

describe('attempts', () => {
  const attempted = (policy: TaskDefinition['attempts'], failure: ReturnType<typeof boom>) => {
    const played = new Played(linear([task('a', { ...(policy && { attempts: policy }) })]));
    const [command] = played.fail('a', failure).commands;
    return command?.type === 'startTimer' ? command.delayMs : command?.type;
  };

  it('are made again when the failure is worth it, and not before the time it asks for (S11, E-1206)', () => {
    const some = { max: 3, retryOn: ['Busy'] };
    expect([
      attempted(some, boom('Busy')),
      attempted(some, boom('Broken')),
      attempted({ max: 3 }, boom('Broken', { retryable: false })),
      attempted({ max: 3 }, boom('Busy', { retryAfterMs: 70 })),
      attempted({ max: 3, delayMs: 90 }, boom('Busy', { retryAfterMs: 70 })),
    ]).toEqual(['execute', 'revert', 'revert', 70, 90]);
  });
});

describe('drivers', () => {
  it('learn of a turn when it is stored, not before (E-1702)', async () => {
    const store = new MemoryLogBook();
    const definition = { schemaVersion: 1, root: linear([task('a')]) } as const;
    await store.create({ flowId: 'f', definition, store: {} });
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const logBook = {
      create: store.create.bind(store),
      load: store.load.bind(store),
      append: async (...turn: Parameters<typeof store.append>) => {
        await held;
        await store.append(...turn);
      },
    };
    const turns = await heldTurns(logBook, compile(definition), { flowId: 'f', store: {} });
    let seen = false;
    const turn = Promise.resolve(turns.take({ type: 'run' })).then(({ commands }) => {
      seen = true;
      return commands;
    });
    for (let tick = 0; tick < 20; tick++) await Promise.resolve();
    expect(seen).toBe(false);
    letGo();
    expect(await turn).toHaveLength(1);
    expect((await store.load('f'))?.turns).toHaveLength(1);
  });

  it('keep so many notifications for a slow listener, and count what it misses (E-1607)', () => {
    const notifier = new Notifier([{ notify: () => new Promise<void>(() => undefined) }]);
    const notification = {
      of: 'flow',
      from: 'PENDING',
      to: 'RUNNING',
      flowId: 'f',
      seq: 0,
      index: 0,
    } as const;
    for (let count = 0; count < queueMax + 3; count++) notifier.notify(notification);
    expect(notifier.dropped).toBe(3);
  });
});
