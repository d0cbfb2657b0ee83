/** Delegates, turn by turn: asking for the answer, answers that come when they like, and none (section 11). */
import { failureOf } from '@baton/core';
import type { RoutedAtomDefinition, RoutedDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { next, routed } from '../../../testkit/src/routed-flows/routed.js';
import { compileAny, failuresOfAny, foldAny, newAnyRun, snapshotAny, stepAny } from '../any-run.js';
import type { Command, Event, Turn } from '../protocol.js';

const failure = failureOf('X', 'no');
const answer = (attempt = 1, unit = 'a'): string => `f/${unit}/execute/0.${attempt}`;
const asking = (attempt = 1, unit = 'a'): string => `f/${unit}/open/0.${attempt}`;
const completed = (requestId: string): Event => ({ type: 'completed', requestId, value: { data: 1 } });
const failed = (requestId: string): Event => ({ type: 'failed', requestId, failure });

/** Takes events; each state must be that of a fold of its facts. */
function begun(root: RoutedDefinition) {
  const compiled = compileAny({ schemaVersion: 1, root });
  const options = { flowId: 'f', store: {} };
  const run = newAnyRun(compiled, options);
  const facts: Turn['facts'][number][] = [];
  const folded = () => {
    const other = newAnyRun(compiled, options);
    foldAny(other, facts);
    return other;
  };
  const take = (event: Event): string[] => {
    const turn = stepAny(run, event);
    facts.push(...turn.facts);
    expect(snapshotAny(folded())).toEqual(snapshotAny(run));
    return turn.commands.map(told);
  };
  /** What another owner does that has only read what was stored. */
  const takenOver = (): string[] => stepAny(folded(), { type: 'adopt' }).commands.map(told);
  const states = (): Record<string, string> =>
    Object.fromEntries(
      facts.flatMap((fact) => (fact.fact === 'activation' ? [[fact.activation, fact.to]] : [])),
    );
  const first = take({ type: 'run' });
  return { take, takenOver, states, first, run };
}

function told(command: Command): string {
  if (command.type === 'finish') return `finish ${command.outcome}`;
  if (command.type === 'execute') return `execute ${command.task} ${command.requestId}`;
  return [command.type, ...('requestId' in command ? [command.requestId] : [])].join(' ');
}

const approve = (more: Omit<RoutedAtomDefinition, 'name'> = {}): RoutedDefinition =>
  routed({ a: { delegate: 'approve', open: 'ask', ...more } });

describe('the task that asks for the answer (C-1101 to C-1103)', () => {
  it('is asked for with each attempt, and knows for which answer', () => {
    const { first, run } = begun(approve());
    expect(first).toEqual([`execute ask ${asking()}`, `openDelegate ${answer()}`, 'startTimer']);
    const [command] = stepAny(run, { type: 'adopt' }).commands;
    expect(command).toMatchObject({ opens: answer(), attempt: 1 });
  });

  it('is done once: whoever takes over asks again only until then', () => {
    const { take, takenOver } = begun(approve());
    expect(takenOver()).toEqual([`execute ask ${asking()}`, `openDelegate ${answer()}`]);
    expect(take(completed(asking()))).toEqual([]);
    expect(takenOver()).toEqual([`openDelegate ${answer()}`]);
    expect(take(failed(asking()))).toEqual([]);
    expect(take(completed(answer()))).toEqual(['cancelTimer', 'finish SUCCESS']);
  });

  it('is of no account once the answer is there', () => {
    const { take, states } = begun(
      routed({ a: { delegate: 'approve', open: 'ask', onSuccess: next('b') }, b: {} }),
    );
    expect(take(completed(answer()))).toEqual(['cancelTimer', `abort ${asking()}`, 'finish SUCCESS']);
    for (const late of [failed(asking()), completed(asking())]) expect(take(late)).toEqual([]);
    expect(states()).toEqual({ a: 'SUCCESS', b: 'SUCCESS' });
  });

  it('that fails has failed the attempt; the next one asks anew', () => {
    const { take, states } = begun(approve({ attempts: { max: 2 } }));
    const second = [`execute ask ${asking(2)}`, `openDelegate ${answer(2)}`, 'startTimer'];
    expect(take(failed(asking()))).toEqual(['cancelTimer', ...second]);
    expect(take(completed(answer(1)))).toEqual([]);
    expect(take(failed(asking(2))).at(-1)).toBe('finish FAILURE');
    expect(states()).toEqual({ a: 'FAILURE' });
  });

  it('holds up a suspension like any task, and is asked for again after it', () => {
    const { take, takenOver } = begun(approve());
    expect(take({ type: 'suspend' })).toEqual([]);
    expect(take({ type: 'withdrawn', requestId: asking() })).toEqual(['suspended']);
    expect(takenOver()).toEqual([`openDelegate ${answer()}`]);
    expect(take({ type: 'resume' })).toEqual([`execute ask ${asking()}`, `openDelegate ${answer()}`]);
  });

  it('is told to stop when nobody waits any more', () => {
    const { take } = begun(
      routed({ a: { delegate: 'approve', open: 'ask' }, b: { task: 't', onSuccess: next('succeed') } }),
    );
    const commands = take(completed(answer(1, 'b')));
    expect(commands).toEqual(['cancelTimer', `abort ${asking()}`, 'finish SUCCESS']);
  });

  it('is one for each item of a fan-out', () => {
    const { first, take } = begun(approve({ forEach: { item: [1, 2] } }));
    const items = ['a[0]', 'a[1]'].flatMap((unit) => [
      ...[`execute ask ${asking(1, unit)}`, `openDelegate ${answer(1, unit)}`, 'startTimer'],
    ]);
    expect(first).toEqual(items);
    take(completed(asking(1, 'a[0]')));
    take(completed(answer(1, 'a[1]')));
    expect(take(completed(answer(1, 'a[0]'))).at(-1)).toBe('finish SUCCESS');
  });
});

describe('an answer that nobody will give (C-1106)', () => {
  const never = (requestId: string): Event => ({ type: 'cancelled', requestId, failure });

  it('cancels the activation, and its flow once the rest is over (C-426)', () => {
    const { take, states } = begun(
      routed({ a: { delegate: 'approve', onSuccess: next('c') }, b: { task: 't' }, c: { task: 't' } }),
    );
    expect(take(never(answer()))).toEqual(['cancelTimer']);
    expect(take(completed(answer()))).toEqual([]);
    expect(take(completed(answer(1, 'b')))).toEqual(['finish CANCELLED']);
    expect(states()).toEqual({ a: 'CANCELLED', b: 'SUCCESS' });
  });

  it('lets no join wait for it', () => {
    const { take, states } = begun(
      routed({
        ...{ a: { delegate: 'approve', onSuccess: next('j') }, b: { task: 't', onSuccess: next('j') } },
        j: { join: 'all' },
      }),
    );
    take(completed(answer(1, 'b')));
    expect(take(never(answer()))).toEqual(['cancelTimer', 'finish CANCELLED']);
    expect(states()).toEqual({ a: 'CANCELLED', b: 'SUCCESS', j: 'FAILURE' });
  });

  it('of one item cancels the others (C-907), and is no answer to a task', () => {
    const { take, states } = begun(approve({ forEach: { item: [1, 2, 3] }, parallel: 2 }));
    expect(take(never(asking(1, 'a[0]')))).toEqual([]);
    expect(take(never(answer(1, 'a[0]'))).at(-1)).toBe('finish CANCELLED');
    expect(states()).toEqual({ a: 'CANCELLED', 'a[0]': 'CANCELLED', 'a[1]': 'CANCELLED' });
    const other = begun(routed({ a: { task: 't' } }));
    expect(other.take(never(answer()))).toEqual([]);
  });
});

describe('a delegate that is paused (C-1107)', () => {
  const told = (state: 'SUSPENDED' | 'RUNNING', unit = 'a'): Event => ({
    ...{ type: 'delegateChanged', requestId: answer(1, unit), state },
  });
  const two = routed({ a: { delegate: 'approve', onSuccess: next('c') }, b: { delegate: 'sign' }, c: {} });

  it('suspends its run, which goes on with the last one', () => {
    const { take, states, run } = begun(two);
    expect(take(told('SUSPENDED'))).toEqual(['suspended']);
    expect(take(told('SUSPENDED'))).toEqual([]);
    take(told('SUSPENDED', 'b'));
    expect([run.flow, states()]).toEqual(['SUSPENDED', { a: 'SUSPENDED', b: 'SUSPENDED' }]);
    take(told('RUNNING'));
    expect([run.flow, states()]).toEqual(['SUSPENDED', { a: 'RUNNING', b: 'SUSPENDED' }]);
    take(told('RUNNING', 'b'));
    expect([run.flow, states()]).toEqual(['RUNNING', { a: 'RUNNING', b: 'RUNNING' }]);
    take(completed(answer()));
    expect(take(completed(answer(1, 'b'))).at(-1)).toBe('finish SUCCESS');
  });

  it('goes on when it is answered, or when the run is resumed', () => {
    const answered = begun(two);
    answered.take(told('SUSPENDED'));
    answered.take(completed(answer()));
    expect([answered.run.flow, answered.states()]).toEqual([
      'RUNNING',
      { a: 'SUCCESS', b: 'RUNNING', c: 'SUCCESS' },
    ]);
    const resumed = begun(two);
    resumed.take(told('SUSPENDED'));
    resumed.take({ type: 'resume' });
    expect([resumed.run.flow, resumed.states()]).toEqual(['RUNNING', { a: 'RUNNING', b: 'RUNNING' }]);
    const cancelled = begun(two);
    cancelled.take(told('SUSPENDED'));
    cancelled.take({ type: 'cancelled', requestId: answer(), failure });
    expect(cancelled.take(completed(answer(1, 'b'))).at(-1)).toBe('finish CANCELLED');
  });

  it('has no more time: what is over meanwhile is found out when it goes on (C-1029)', () => {
    const { take, states } = begun(approve({ open: 'ask', timeout: { waitMs: 5 } }));
    take(completed(asking()));
    take(told('SUSPENDED'));
    expect(take({ type: 'timerFired', id: 'a/wait.1' })).toEqual([]);
    expect(take(completed(answer())).at(-1)).toBe('finish FAILURE');
    expect(states()).toEqual({ a: 'FAILURE' });
  });

  it('does not wake a run that was suspended for another reason, and is no task', () => {
    const { take, run } = begun(routed({ a: { delegate: 'approve' }, t: { task: 't' } }));
    take(told('SUSPENDED', 't'));
    expect(run.flow).toBe('RUNNING');
    take({ type: 'suspend' });
    take(told('RUNNING'));
    expect(run.flow).toBe('SUSPENDING');
  });

  it('keeps no run suspended, and has none go on, that was suspended at the word of a person', () => {
    const first = begun(two);
    first.take({ type: 'suspend' });
    first.take(told('SUSPENDED'));
    first.take(told('RUNNING'));
    expect([first.run.flow, first.states()]).toEqual(['SUSPENDED', { a: 'RUNNING', b: 'RUNNING' }]);
    const then = begun(two);
    then.take(told('SUSPENDED'));
    then.take({ type: 'suspend' });
    then.take(told('RUNNING'));
    then.take(completed(answer(1, 'b')));
    expect([then.run.flow, then.states()]).toEqual(['SUSPENDED', { a: 'RUNNING', b: 'SUCCESS' }]);
    then.take({ type: 'resume' });
    expect(then.take(completed(answer())).at(-1)).toBe('finish SUCCESS');
    const running = begun(routed({ a: { delegate: 'approve' }, t: { task: 't' } }));
    running.take(told('SUSPENDED'));
    running.take({ type: 'suspend' });
    running.take(told('RUNNING'));
    expect(running.run.flow).toBe('SUSPENDING');
  });

  it('in a run that is suspended because of another child has it go on', () => {
    const { take, run } = begun(two);
    take(told('SUSPENDED'));
    take({ type: 'suspend', isShared: true });
    take(told('RUNNING'));
    expect(run.flow).toBe('RUNNING');
  });

  it('is paused again, and goes on again, with an owner that found a part of the turn only', () => {
    for (const events of [
      [told('SUSPENDED')],
      [told('SUSPENDED'), told('RUNNING')],
      [told('SUSPENDED'), completed(answer())],
    ]) {
      const compiled = compileAny({ schemaVersion: 1, root: two });
      const whole = newAnyRun(compiled, { flowId: 'f', store: {} });
      const before = [{ type: 'run' } as Event, ...events.slice(0, -1)].flatMap(
        (event) => stepAny(whole, event).facts,
      );
      const { facts } = stepAny(whole, events.at(-1) as Event);
      for (let cut = 0; cut < facts.length; cut++) {
        const other = newAnyRun(compiled, { flowId: 'f', store: {} });
        foldAny(other, [...before, ...facts.slice(0, cut)]);
        stepAny(other, { type: 'adopt' });
        // its command does not count as applied
        stepAny(other, events.at(-1) as Event);
        expect([cut, other.flow]).toEqual([cut, whole.flow]);
      }
    }
  });
});

describe('a wait for an event (C-1113)', () => {
  const waiting = (more: Omit<RoutedAtomDefinition, 'name'> = {}): RoutedDefinition =>
    routed({
      a: { task: 'std.wait-event', input: { name: 'paid', key: 7 }, onSuccess: next('b'), ...more },
      b: {},
    });
  const arrived = (name: string, key = '7'): Event => ({
    ...{ type: 'eventArrived', event: { name, key }, value: { data: { at: 1 } } },
  });

  it('ends with the one of its name and key, and with no other', () => {
    const { first, take, takenOver, states, run } = begun(waiting());
    expect(first).toEqual([`awaitEvent ${answer()}`, 'startTimer']);
    expect(takenOver()).toEqual([`awaitEvent ${answer()}`]);
    expect(stepAny(run, { type: 'adopt' }).commands).toMatchObject([{ event: { name: 'paid', key: '7' } }]);
    for (const other of [arrived('paid', ''), arrived('paid', '8'), arrived('unpaid')])
      expect(take(other)).toEqual([]);
    expect(take(arrived('paid'))).toEqual(['cancelTimer', 'finish SUCCESS']);
    expect(take(arrived('paid'))).toEqual([]);
    expect(states()).toEqual({ a: 'SUCCESS', b: 'SUCCESS' });
  });

  it('has all that wait end, also while they are paused; not what waits for the next one', () => {
    const { take, states } = begun(
      routed({
        a: {
          ...{ forEach: { item: [1, 2] }, task: 'std.wait-event', input: { name: 'tick' } },
          onSuccess: next('a2'),
        },
        a2: { task: 'std.wait-event', input: { name: 'tick' } },
        other: { task: 'std.wait-event', input: { name: 'tock' } },
      }),
    );
    take({ type: 'delegateChanged', requestId: answer(1, 'a[1]'), state: 'SUSPENDED' });
    take(arrived('tick', ''));
    expect(states()).toMatchObject({ a: 'SUCCESS', a2: 'RUNNING', other: 'RUNNING' });
    take(arrived('tick', ''));
    expect(take(arrived('tock', '')).at(-1)).toBe('finish SUCCESS');
  });

  it('is answered, cancelled and given more time as delegates are, and its time is over some day', () => {
    expect(begun(waiting()).take(completed(answer())).at(-1)).toBe('finish SUCCESS');
    const cancelled = begun(waiting());
    cancelled.take({ type: 'cancelled', requestId: answer(), failure });
    expect(cancelled.states()).toEqual({ a: 'CANCELLED' });
    const late = begun(waiting({ timeout: { waitMs: 5 } }));
    expect(late.take({ type: 'extended', requestId: answer(), delayMs: 9 })).toEqual(['startTimer']);
    expect(late.take({ type: 'timerFired', id: 'a/wait.1' }).at(-1)).toBe('finish FAILURE');
    expect(late.take(arrived('paid'))).toEqual([]);
  });

  it.each([
    [{}],
    [{ name: '' }],
    [{ name: 'x'.repeat(257) }],
    [{ name: 7 }],
    [{ name: 'paid', key: { a: 1 } }],
    [{ name: 'paid', key: null }],
    [{ name: 'paid', key: 'x'.repeat(513) }],
    [{ name: 'paid', more: 1 }],
  ])('fails with arguments that name no event: %j', (input) => {
    const { first, states, run } = begun(waiting({ input }));
    expect([first, states()]).toEqual([['finish FAILURE'], { a: 'FAILURE' }]);
    expect(failuresOfAny(run)).toMatchObject([{ code: 'ARGUMENTS_INVALID', phase: 'arguments' }]);
  });

  it('has nothing to undo', () => {
    const { take, states } = begun(
      routed(
        {
          a: { task: 'std.wait-event', input: { name: 'tick' }, onSuccess: next('b') },
          b: { task: 'std.fail' },
        },
        { rollback: 'completed' },
      ),
    );
    take(arrived('tick', ''));
    expect(states()).toEqual({ a: 'SUCCESS', b: 'FAILURE' });
  });
});
