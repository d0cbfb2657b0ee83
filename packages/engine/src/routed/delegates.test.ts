/** Delegates, turn by turn: asking for the answer, answers that come when they like, and none (section 11). */
import { failureOf } from '@baton/core';
import type { RoutedAtomDefinition, RoutedDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { next, routed } from '../../../testkit/src/routed-flows/routed.js';
import { compileAny, foldAny, newAnyRun, stepAny } from '../any-run.js';
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
  const take = (event: Event): string[] => {
    const turn = stepAny(run, event);
    facts.push(...turn.facts);
    return turn.commands.map(told);
  };
  /** What another owner does that has only read what was stored. */
  const takenOver = (): string[] => {
    const other = newAnyRun(compiled, options);
    foldAny(other, facts);
    return stepAny(other, { type: 'adopt' }).commands.map(told);
  };
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
