/** Delegates, waits for events and sleeps in ordered flows, turn by turn (C-104, section 11). */
import { failureOf } from '@baton/core';
import type { FlowOptions, NodeDefinition, RetryDefinition, TaskDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import {
  compileAny,
  failuresOfAny,
  foldAny,
  isAwaited,
  isOpenDelegate,
  newAnyRun,
  restoreAny,
  snapshotAny,
  stepAny,
} from './any-run.js';
import type { Command, Event, Turn } from './protocol.js';

const days7 = 7 * 24 * 3_600_000;
const failure = { ...failureOf('X', 'no'), types: ['X', 'Error'] };
const answer = (attempt = 1, { atom = 'a', round = 0 } = {}): string =>
  `f/${atom}/execute/${round}.${attempt}`;
const asking = (attempt = 1): string => `f/a/open/0.${attempt}`;
const completed = (requestId: string): Event => ({ type: 'completed', requestId, value: { data: 1 } });
const failed = (requestId: string): Event => ({ type: 'failed', requestId, failure });
const fired = (id: string): Event => ({ type: 'timerFired', id });
const waits = (attempt = 1, ms = days7): string => `startTimer a/wait.0.${attempt} ${ms}`;

type Child = Omit<TaskDefinition, 'kind'>;
const approve: Child = { name: 'a', delegate: 'approve' };
const asked: Child = { ...approve, open: 'ask' };

/** Takes events; each state must be that of a fold of its facts, and of a snapshot. */
function begun(
  children: readonly (Child | NodeDefinition)[],
  more: {
    readonly kind?: 'linear' | 'unordered';
    readonly retry?: RetryDefinition;
    readonly options?: FlowOptions;
  } = {},
) {
  const { kind = 'linear', options, retry } = more;
  const nodes = children.map((child) => ({ kind: 'task', ...child }) as NodeDefinition);
  const root = { kind, name: 'p', children: nodes, ...(retry && { retry }) };
  const compiled = compileAny({ schemaVersion: 1, root, ...(options && { options }) });
  const given = { flowId: 'f', store: {} };
  const run = newAnyRun(compiled, given);
  const facts: Turn['facts'][number][] = [];
  const folded = () => {
    const other = newAnyRun(compiled, given);
    foldAny(other, JSON.parse(JSON.stringify(facts)) as typeof facts);
    return other;
  };
  const take = (event: Event): string[] => {
    const turn = stepAny(run, event);
    facts.push(...turn.facts);
    const text = snapshotAny(run);
    expect(JSON.parse(snapshotAny(folded()) ?? '')).toEqual(JSON.parse(text ?? ''));
    expect(snapshotAny(restoreAny(compiled, text ?? '') ?? run)).toEqual(text);
    return turn.commands.map(told);
  };
  /** What another owner does that has only read what was stored, and what comes of it when that is taken up. */
  const takenOver = (): string[] => stepAny(folded(), { type: 'adopt' }).commands.map(told);
  const states = (): Record<string, string> =>
    Object.fromEntries(facts.flatMap((fact) => (fact.fact === 'atom' ? [[fact.atom, fact.to]] : [])));
  const first = take({ type: 'run' });
  return { take, takenOver, states, first, run, facts, compiled };
}

function told(command: Command): string {
  if (command.type === 'finish') return `finish ${command.outcome}`;
  if (command.type === 'execute') return `execute ${command.task} ${command.requestId}`;
  if (command.type === 'startTimer') return `startTimer ${command.id} ${command.delayMs}`;
  return [command.type, ...('requestId' in command ? [command.requestId] : [])].join(' ');
}

describe('a delegate in an ordered flow', () => {
  it('waits for an answer that no worker is asked for, and what comes after it has that', () => {
    const { first, take, states } = begun([
      { ...approve, provides: { x: null } },
      { name: 'b', task: 't', requires: ['x'] },
    ]);
    expect(first).toEqual([`openDelegate ${answer()}`, waits()]);
    expect(take(completed(answer()))).toEqual(['cancelTimer', `execute t ${answer(1, { atom: 'b' })}`]);
    expect(take(completed(answer()))).toEqual([]);
    expect(take(completed(answer(1, { atom: 'b' })))).toEqual(['finish SUCCESS']);
    expect(states()).toEqual({ a: 'SUCCESS', b: 'SUCCESS' });
  });

  it('has what asks for its answer done once: whoever takes over asks again only until then (C-1101)', () => {
    const { first, take, takenOver } = begun([asked]);
    const opened = [`execute ask ${asking()}`, `openDelegate ${answer()}`];
    expect(first).toEqual([...opened, waits()]);
    expect(takenOver()).toEqual(opened);
    expect(take(completed(asking()))).toEqual([]);
    expect(takenOver()).toEqual([`openDelegate ${answer()}`]);
    expect(take(failed(asking()))).toEqual([]);
    expect(take(completed(answer()))).toEqual(['cancelTimer', 'finish SUCCESS']);
  });

  it('is answered before that has returned, which is of no account then (C-1103)', () => {
    const { take } = begun([asked]);
    expect(take(completed(answer()))).toEqual(['cancelTimer', `abort ${asking()}`, 'finish SUCCESS']);
    for (const late of [failed(asking()), completed(asking())]) expect(take(late)).toEqual([]);
  });

  it('fails with what asks for it; the next attempt is another delegate (C-1112)', () => {
    const { take, states } = begun([{ ...asked, attempts: { max: 2 } }]);
    expect(take(failed(asking()))).toEqual([
      ...['cancelTimer', `execute ask ${asking(2)}`, `openDelegate ${answer(2)}`, waits(2)],
    ]);
    expect(take(completed(answer(1)))).toEqual([]);
    expect(take(failed(asking(2)))).toEqual(['cancelTimer', 'finish REVERTED']);
    expect(states()).toEqual({ a: 'REVERTED' });
  });

  it('is open to nobody while the delay before its next attempt lasts', () => {
    const { take, takenOver, run } = begun([{ ...approve, attempts: { max: 2, delayMs: 50 } }]);
    expect(take(failed(answer()))).toEqual(['cancelTimer', 'startTimer a/0.2 50']);
    expect(isOpenDelegate(run, answer(2))).toBe(false);
    expect(take(completed(answer(2)))).toEqual([]);
    expect(takenOver()).toEqual([]);
    expect(take(fired('a/0.2'))).toEqual([`openDelegate ${answer(2)}`, waits(2)]);
    expect(isOpenDelegate(run, answer(2))).toBe(true);
  });

  it('has a time, seven days if nothing is said, and may be given more (C-1111, C-1106)', () => {
    const { first, take } = begun([{ ...approve, timeout: { waitMs: 10 } }]);
    expect(first).toContain(waits(1, 10));
    expect(take({ type: 'extended', requestId: answer(), delayMs: 99 })).toEqual([waits(1, 99)]);
    expect(take({ type: 'extended', requestId: answer(2), delayMs: 99 })).toEqual([]);
    expect(take(fired('a/wait.0.1'))).toEqual(['finish REVERTED']);
  });

  it('that nobody will answer has failed, for good (C-1016)', () => {
    const { take, run } = begun([{ ...approve, attempts: { max: 2 } }]);
    const never = failureOf('DELEGATE_CANCELLED', 'no', { retryable: false });
    expect(take({ type: 'cancelled', requestId: answer(), failure: never })).toEqual([
      'cancelTimer',
      'finish REVERTED',
    ]);
    expect(failuresOfAny(run)).toMatchObject([{ code: 'DELEGATE_CANCELLED', atom: 'a' }]);
  });

  it('is decided about by the controller around it: each round is another delegate', () => {
    const { take, first } = begun([approve], { retry: { kind: 'times', attempts: 2 } });
    expect(first).toEqual([`openDelegate ${answer(1, { round: 1 })}`, `startTimer a/wait.1.1 ${days7}`]);
    expect(take(failed(answer(1, { round: 1 })))).toEqual([
      ...['cancelTimer', `openDelegate ${answer(1, { round: 2 })}`, `startTimer a/wait.2.1 ${days7}`],
    ]);
    expect(take(completed(answer(1, { round: 1 })))).toEqual([]);
    expect(take(completed(answer(1, { round: 2 })))).toEqual(['cancelTimer', 'finish SUCCESS']);
  });

  it('begins to wait with whoever takes over when its former owner died in the middle of its turn (P-406)', () => {
    const { facts, compiled } = begun([approve]);
    for (let length = 1; length <= facts.length; length++) {
      const run = newAnyRun(compiled, { flowId: 'f', store: {} });
      foldAny(run, facts.slice(0, length));
      stepAny(run, { type: run.flow === 'PENDING' ? 'run' : 'adopt' });
      expect(isOpenDelegate(run, answer())).toBe(true);
    }
  });

  it('lacks what it is given: it has failed before it began', () => {
    const { first } = begun([{ ...asked, requires: ['nothing'] }]);
    expect(first).toEqual(['finish REVERTED']);
  });
});

describe('a run with an open delegate', () => {
  it('is suspended at once; what is answered meanwhile counts, and the rest follows when it goes on (C-1302)', () => {
    const { take, takenOver, run } = begun([approve, { name: 'b', task: 't' }]);
    expect(take({ type: 'suspend' })).toEqual(['suspended']);
    expect(takenOver()).toEqual([`openDelegate ${answer()}`]);
    expect(isOpenDelegate(run, answer())).toBe(true);
    expect(take(completed(answer()))).toEqual(['cancelTimer']);
    expect(run.flow).toBe('SUSPENDED');
    expect(take({ type: 'resume' })).toEqual([`execute t ${answer(1, { atom: 'b' })}`]);
  });

  it('waits on when it is resumed, or finds then that the time was over (C-1029)', () => {
    const on = begun([approve]);
    on.take({ type: 'suspend' });
    expect(on.take({ type: 'resume' })).toEqual([`openDelegate ${answer()}`]);
    on.take({ type: 'suspend' });
    expect(on.take(fired('a/wait.0.1'))).toEqual([]);
    expect(on.takenOver()).toEqual([`openDelegate ${answer()}`]);
    expect(on.take({ type: 'resume' })).toEqual(['finish REVERTED']);
    expect(failuresOfAny(on.run)).toMatchObject([{ code: 'TIMEOUT_WAIT' }]);
  });

  it('opens the next one when it goes on, if one fails while it is suspended', () => {
    for (const attempts of [{ max: 2 }, { max: 2, delayMs: 50 }]) {
      const { take, run } = begun([{ ...approve, attempts }]);
      take({ type: 'suspend' });
      take(failed(answer()));
      if (attempts.delayMs !== undefined) take(fired('a/0.2'));
      expect(isOpenDelegate(run, answer(2))).toBe(false);
      expect(take({ type: 'resume' })).toEqual([`openDelegate ${answer(2)}`, waits(2)]);
    }
  });

  it('waits with its suspension for what asks, or has it asked again', () => {
    const { take } = begun([asked]);
    expect(take({ type: 'suspend' })).toEqual([]);
    expect(take({ type: 'withdrawn', requestId: asking() })).toEqual(['suspended']);
    expect(take({ type: 'resume' })).toEqual([`execute ask ${asking()}`, `openDelegate ${answer()}`]);
  });

  it.each(['RUNNING', 'SUSPENDED'])(
    'is cancelled and undone while it is %s: it is closed, and there is nothing to undo',
    (flow) => {
      const { take, run, states } = begun([{ name: 'b', task: 't' }, asked]);
      take(completed(answer(1, { atom: 'b' })));
      if (flow === 'SUSPENDED') take(completed(asking()));
      if (flow === 'SUSPENDED') expect(take({ type: 'suspend' })).toEqual(['suspended']);
      const abort = flow === 'RUNNING' ? [`abort ${asking()}`] : [];
      const commands = take({ type: 'cancel', revert: true });
      expect(new Set(commands)).toEqual(new Set([...abort, 'cancelTimer', 'revert f/b/revert/0.1']));
      expect(isOpenDelegate(run, answer())).toBe(false);
      expect(take(completed(answer()))).toEqual([]);
      expect(take(completed('f/b/revert/0.1'))).toEqual(['finish REVERTED']);
      expect(states()).toEqual({ a: 'REVERTED', b: 'REVERTED' });
    },
  );

  it('is cancelled without being undone, and closed; run again it is another delegate', () => {
    const { take, run } = begun([asked]);
    expect(take({ type: 'cancel', revert: false })).toEqual([
      `abort ${asking()}`,
      'cancelTimer',
      'finish CANCELLED',
    ]);
    expect(isOpenDelegate(run, answer())).toBe(false);
    expect(take(completed(answer()))).toEqual([]);
    expect(take({ type: 'rerun' })).toEqual([
      ...[`execute ask ${asking(2)}`, `openDelegate ${answer(2)}`, waits(2)],
    ]);
    expect(take(completed(answer()))).toEqual([]);
  });

  it('does not wait for it when something beside it fails, nor asks who decided what to make of that', () => {
    const retry = { kind: 'times', attempts: 2, on: ['X'] } as const;
    const { take, states, facts } = begun([approve, { name: 'b', task: 't' }], { kind: 'unordered', retry });
    const commands = take(failed(answer(1, { atom: 'b', round: 1 })));
    expect(commands).toContain('revert f/b/revert/1.1');
    expect(states()).toMatchObject({ a: 'REVERTED' });
    expect(facts.filter(({ fact }) => fact === 'history')).toHaveLength(1);
    expect(take(completed('f/b/revert/1.1'))).toEqual([
      ...[`openDelegate ${answer(1, { round: 2 })}`, `startTimer a/wait.2.1 ${days7}`],
      `execute t ${answer(1, { atom: 'b', round: 2 })}`,
    ]);
  });

  it('that resolves no failure ends with the first one; who goes on with it waits again', () => {
    const { take, run } = begun([approve, { name: 'b', task: 't' }], {
      ...{ kind: 'unordered', options: { neverResolve: true } },
    });
    expect(take(failed(answer(1, { atom: 'b' })))).toEqual(['cancelTimer', 'finish FAILURE']);
    expect(isOpenDelegate(run, answer())).toBe(false);
    expect(take({ type: 'skip', atom: 'b' })).toEqual([`openDelegate ${answer()}`, waits()]);
    expect(take(completed(answer()))).toEqual(['cancelTimer', 'finish SUCCESS']);
  });

  it('has nothing asked for a second time that was given up in the same turn', () => {
    const { take } = begun([{ name: 'b', task: 't', attempts: { max: 2, delayMs: 50 } }]);
    take(failed(answer(1, { atom: 'b' })));
    take({ type: 'suspend' });
    expect(take({ type: 'cancel', revert: true })).toEqual(['cancelTimer', 'revert f/b/revert/0.1']);
  });
});

describe('a delegate that is paused (C-1107)', () => {
  const told = (state: 'SUSPENDED' | 'RUNNING', atom = 'a'): Event => ({
    ...{ type: 'delegateChanged', requestId: answer(1, { atom }), state },
  });

  it('suspends its run, which goes on with the last that does', () => {
    const { take, run } = begun([approve, { ...approve, name: 'b' }], { kind: 'unordered' });
    expect(take(told('SUSPENDED'))).toEqual(['suspended']);
    for (const nothing of [told('SUSPENDED'), told('RUNNING', 'b'), told('SUSPENDED', 'b')])
      expect(take(nothing)).toEqual([]);
    expect(take(told('RUNNING'))).toEqual([]);
    expect(run.flow).toBe('SUSPENDED');
    expect(take(told('RUNNING', 'b'))).toEqual([
      ...[`openDelegate ${answer()}`, `openDelegate ${answer(1, { atom: 'b' })}`],
    ]);
    expect(take(told('RUNNING'))).toEqual([]);
  });

  it('goes on with whoever answers it, though its time was over, and with the run', () => {
    const { take, run } = begun([asked, { name: 'b', task: 't' }]);
    expect(take(told('SUSPENDED'))).toEqual([]);
    expect(take(completed(asking()))).toEqual(['suspended']);
    take(fired('a/wait.0.1'));
    expect(take(completed(answer()))).toEqual([`execute t ${answer(1, { atom: 'b' })}`]);
    const other = begun([approve]);
    other.take(told('SUSPENDED'));
    other.take({ type: 'resume' });
    expect([run.flow, other.run.flow]).toEqual(['RUNNING', 'RUNNING']);
    expect(other.take({ type: 'suspend' })).toEqual(['suspended']);
    expect(other.take(told('RUNNING'))).toEqual([]);
  });

  it('keeps no run suspended, and has none go on, that was suspended at the word of a person', () => {
    const two = () => begun([approve, { ...approve, name: 'b' }], { kind: 'unordered' });
    const first = two();
    first.take({ type: 'suspend' });
    first.take(told('SUSPENDED'));
    first.take(told('RUNNING'));
    expect(first.run.flow).toBe('SUSPENDED');
    const then = two();
    then.take(told('SUSPENDED'));
    then.take({ type: 'suspend' });
    then.take(told('RUNNING'));
    then.take(completed(answer()));
    expect(then.run.flow).toBe('SUSPENDED');
    then.take({ type: 'resume' });
    expect(then.take(completed(answer(1, { atom: 'b' }))).at(-1)).toBe('finish SUCCESS');
    const shared = two();
    shared.take(told('SUSPENDED'));
    shared.take({ type: 'suspend', isShared: true });
    shared.take(told('RUNNING'));
    expect(shared.run.flow).toBe('RUNNING');
  });

  it('is nothing any more to a run that is over', () => {
    const { take, facts } = begun([approve, { ...approve, name: 'b' }], { kind: 'unordered' });
    take(told('SUSPENDED'));
    take({ type: 'cancel', revert: false });
    const before = facts.length;
    expect([take({ type: 'suspend' }), facts.slice(before)]).toEqual([[], []]);
  });

  it('goes on before its suspension is over', () => {
    const { take, run } = begun([approve, { name: 'b', task: 't' }], { kind: 'unordered' });
    take(told('SUSPENDED'));
    expect(take(told('RUNNING'))).toEqual([
      `openDelegate ${answer()}`,
      `execute t ${answer(1, { atom: 'b' })}`,
    ]);
    expect(run.flow).toBe('RUNNING');
  });
});

describe('the tasks of the engine that wait', () => {
  const sleep: Child = { name: 'a', task: 'std.sleep', requires: ['duration'], inject: { duration: '10s' } };
  const inject = { name: 'paid', key: 7 };
  const event: Child = {
    name: 'a',
    task: 'std.wait-event',
    requires: ['name', 'key'],
    inject,
    provides: { x: null },
  };
  const arrived = (key: string): Event => ({
    ...{ type: 'eventArrived', event: { name: 'paid', key }, value: { data: key } },
  });

  it('sleep by a durable timer, also while the run is suspended', () => {
    const { first, take, takenOver } = begun([sleep]);
    expect(first).toEqual(['startTimer a/sleep.0.1 10000']);
    expect(takenOver()).toEqual([]);
    expect(take({ type: 'suspend' })).toEqual(['suspended']);
    expect(take(fired('a/sleep.0.1'))).toEqual([]);
    expect(take({ type: 'resume' })).toEqual(['finish SUCCESS']);
  });

  it('sleep no longer than somebody wants it, and not for what is no time', () => {
    const { take } = begun([sleep]);
    expect(take({ type: 'cancel', revert: true })).toEqual(['cancelTimer', 'finish REVERTED']);
    const wrong = begun([{ ...sleep, inject: { duration: 'long' } }]);
    expect(failuresOfAny(wrong.run)).toMatchObject([{ code: 'ARGUMENTS_INVALID' }]);
  });

  it('wait for an event of a name and key, whichever way there are', () => {
    const { first, take, run } = begun([event]);
    expect(first).toEqual([`awaitEvent ${answer()}`, waits()]);
    expect(take(arrived('8'))).toEqual([]);
    expect(isAwaited(run, { name: 'paid', key: '7' })).toBe(true);
    expect(take(arrived('7'))).toEqual(['cancelTimer', 'finish SUCCESS']);
    expect(isAwaited(run, { name: 'paid', key: '7' })).toBe(false);
  });

  it('have it while the run is suspended, and wait no longer than for a delegate', () => {
    const { take, takenOver } = begun([event]);
    take({ type: 'suspend' });
    expect(takenOver()).toEqual([`awaitEvent ${answer()}`]);
    expect(take(arrived('7'))).toEqual(['cancelTimer']);
    expect(take({ type: 'resume' })).toEqual(['finish SUCCESS']);
    const late = begun([{ ...event, timeout: { waitMs: 5 } }]);
    expect(late.take(fired('a/wait.0.1'))).toEqual(['finish REVERTED']);
  });
});
