/** Values, histories and events in the form of the recordings (FORMAT 2.1, 2.5). */
import type { JsonValue } from '@baton/core';
import type { Argument, HistoryEntry, Outcome, Transition } from '@baton/engine';
import type { Fact } from '@baton/core';
import type { Action, Phase } from './scenario.js';
import { failureJson, type Recorded, valueJson } from './world.js';

export function argsJson(args: Readonly<Record<string, Argument>>): JsonValue {
  return Object.fromEntries(
    Object.entries(args).map(([parameter, { value }]) => [parameter, valueJson(value)]),
  );
}

export function resultJson(result: Outcome | undefined): JsonValue {
  if (result === undefined) return null;
  return 'failure' in result ? failureJson(result.failure) : valueJson(result.value);
}

export function historyJson(history: readonly HistoryEntry[]): JsonValue {
  return history.map(({ value, failures }) => [
    valueJson(value),
    Object.fromEntries(Array.from(failures, ([atom, failure]) => [atom, failureJson(failure)])),
  ]);
}

export function transitionEvent(transition: Transition, fact: Fact): Recorded {
  const { of, from, to } = transition;
  if (of === 'flow') return ['flow', from, to];
  const event = [of, transition.atom, from, to];
  if (fact.fact !== 'atom') return event;
  if (to === 'SUCCESS' || to === 'REVERTED') return [...event, valueJson(fact.value)];
  return fact.failure ? [...event, failureJson(fact.failure)] : event;
}

/** Notifications that count (FORMAT 1.5): all but those of atoms to IGNORE or PENDING. */
export function isCounted({ of, to }: Transition): boolean {
  return of === 'flow' || (to !== 'IGNORE' && to !== 'PENDING');
}

/** The same of a recorded event. */
export function isCountedEvent(event: Recorded): boolean {
  return event[0] === 'flow' || (isOfAtom(event) && event[3] !== 'IGNORE' && event[3] !== 'PENDING');
}

/** An atom told to enter the state it is in. */
export function isRepeat(event: Recorded): boolean {
  return isOfAtom(event) && event[2] === event[3];
}

/** FORMAT 2.5: decider calls and changes to IGNORE or PENDING that stand together have no meaningful order. */
export function sortRuns(
  events: readonly Recorded[],
  places: ReadonlyMap<string, number>,
): readonly Recorded[] {
  const place = (node: JsonValue | undefined): number => places.get(String(node)) ?? -1;
  const key = (event: Recorded): readonly [number, number, number, string] =>
    event[0] === 'decide'
      ? [0, place(event[2]), place(event[1]), String(event[1])]
      : [1, place(event[1]), 0, ''];
  const sorted: Recorded[] = [];
  let run: Recorded[] = [];
  const flush = (): void => {
    sorted.push(...run.toSorted((a, b) => compareKeys(key(a), key(b))));
    run = [];
  };
  for (const event of events) {
    if (event[0] === 'decide' || (isOfAtom(event) && (event[3] === 'IGNORE' || event[3] === 'PENDING')))
      run.push(event);
    else {
      flush();
      sorted.push(event);
    }
  }
  flush();
  return sorted;
}

export function isOfAtom(event: Recorded): boolean {
  return event[0] === 'task' || event[0] === 'retry';
}

function compareKeys(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

/** Notifications of a state to itself are counted by TaskFlow, and not given by Baton (E-1303). */
export function withoutRepeats(action: Action, recorded: Phase | undefined): Action {
  const until = (k: number): number => {
    const counted = (recorded?.events ?? []).filter(isCountedEvent);
    return k - counted.slice(0, k).filter(isRepeat).length;
  };
  const { suspendAt, crashAtNotification } = action;
  return {
    ...action,
    ...(suspendAt !== undefined && { suspendAt: until(suspendAt) }),
    ...(crashAtNotification !== undefined && { crashAtNotification: until(crashAtNotification) }),
  };
}
