/** Policies, fan-outs and delegates of routed atoms, written out as flow JSON has them (control-flow.md sections 9 to 11). */
import type { JsonValue } from '@baton/core';
import {
  awaitedOutside,
  type Given,
  type RoutedAtomDefinition,
  type RoutedAttemptPolicy,
  type RoutedTimeouts,
  type Template,
  type Templates,
} from '../routed-definition.js';
import type { Path } from '../schema-check.js';
import {
  type AtomPart,
  type AttemptsPart,
  type Compiling,
  type DataMap,
  type DurationPart,
  type ForEachPart,
  type GivenPart,
  isMap,
  type ListPart,
  type PoliciesPart,
  type TimeoutPart,
} from './document.js';
import { msOf, present, versionOf } from './short-forms.js';

/** C-1017. */
export function attemptsOf(part: AttemptsPart): RoutedAttemptPolicy {
  if (typeof part !== 'object') return { max: givenOf(part) };
  const { max = 1, delay, backoff, jitter, scope, 'max-delay': maxDelay } = part;
  return {
    max: givenOf(max),
    ...present({
      ...{ delayMs: durationOf(delay), backoff, maxDelayMs: msOf(maxDelay), jitter, scope },
      ...{ retryOn: part['retry-on'], stopOn: part['stop-on'] },
      ...{ breakOn: part['break-on'], continueOn: part['continue-on'] },
    }),
  };
}

/** C-1026: what a short form limits depends on what the atom is. */
export function timeoutsOf(part: TimeoutPart, atom: AtomPart): RoutedTimeouts {
  if (typeof part !== 'object') return present({ [shortTimeout(atom)]: durationOf(part) });
  const { attempt, queue, wait, total } = part;
  return present({
    ...{ attemptMs: durationOf(attempt), queueMs: durationOf(queue) },
    ...{ waitMs: durationOf(wait), totalMs: durationOf(total) },
  });
}

/** Of an atom of a document, or of flow JSON. */
export function shortTimeout(
  atom:
    | Pick<AtomPart, 'for-each' | 'task' | 'delegate' | 'flow'>
    | Pick<RoutedAtomDefinition, 'forEach' | 'task' | 'delegate' | 'flow'>
    | { readonly task: string | undefined; readonly delegate: string | undefined; readonly flow?: undefined },
): keyof RoutedTimeouts {
  const forEach = 'for-each' in atom ? atom['for-each'] : 'forEach' in atom ? atom.forEach : undefined;
  if (forEach !== undefined || atom.flow !== undefined) return 'totalMs';
  return awaitedOutside(atom) === undefined ? 'attemptMs' : 'waitMs';
}

/** What routed atoms have beside what all tasks have; `null` was needed to cancel a default, and is nothing. */
export function policiesOf(atom: AtomPart): Partial<RoutedAtomDefinition> {
  const { 'for-each': forEach, as = 'item', 'fail-on': failOn, parallel } = atom;
  const pauseBefore = atom['pause-before'] ?? undefined;
  return present({
    delegate: atom.delegate,
    expects: atom.expects,
    open: atom.open,
    flow: typeof atom.flow === 'string' ? namedFlow(atom.flow) : undefined,
    pauseBefore: pauseBefore === undefined ? undefined : givenOf(pauseBefore),
    waitBeforeMs: durationOf(atom['wait-before'] ?? undefined),
    waitAfterMs: durationOf(atom['wait-after'] ?? undefined),
    failOn: failOn === undefined || failOn === null ? undefined : String(failOn),
    forEach: forEach === undefined ? undefined : forEachOf(forEach, as),
    parallel: parallel === undefined || parallel === null ? undefined : givenOf(parallel),
    onItemError: atom['on-item-error'],
  });
}

function forEachOf(part: ForEachPart, as: string): Templates {
  const lists: readonly (readonly [string, ListPart | undefined])[] = isLists(part)
    ? Object.entries(part)
    : [[as, part]];
  return Object.fromEntries(
    lists.flatMap(([name, list]) => (list === undefined ? [] : [[name, listOf(list)]])),
  );
}

export function isLists(part: ForEachPart): part is Readonly<Record<string, ListPart | undefined>> {
  return isMap(part);
}

function listOf(list: ListPart): Template {
  return typeof list === 'string' ? `\${${list}}` : (list as JsonValue);
}

function durationOf(part: DurationPart | undefined): Given<number> | undefined {
  const whole = typeof part === 'string' ? insertedIn(part) : undefined;
  return whole === undefined ? msOf(part) : { expr: whole };
}

function givenOf<T extends number | boolean>(part: GivenPart<T>): Given<T> {
  return typeof part === 'string' ? { expr: insertedIn(part) ?? '' } : part;
}

function namedFlow(text: string): Given<string> {
  const whole = insertedIn(text);
  return whole === undefined ? text : { expr: whole };
}

/** The CEL of a text that is one `${…}`. */
export function insertedIn(text: string): string | undefined {
  return text.startsWith('${') && text.endsWith('}') ? text.slice(2, -1) : undefined;
}

/** What all tasks have; `null` was needed to cancel a default, and is nothing. */
export function workOf(compiling: Compiling, atom: AtomPart, path: Path) {
  const { attempts, timeout, onWorkerLoss, version } = atom;
  return present({
    version: version === undefined ? undefined : versionOf(compiling, version, [...path, 'version']),
    timeout: timeout === undefined || timeout === null ? undefined : timeoutsOf(timeout, atom),
    onWorkerLoss: onWorkerLoss ?? undefined,
    attempts: attempts === undefined || attempts === null ? undefined : attemptsOf(attempts),
  });
}

/** An atom with the defaults of its flow: its own replaces, null cancels (C-1331). */
export function withDefaults(
  compiling: Compiling,
  atom: AtomPart,
  defaults: PoliciesPart,
  path: Path,
): AtomPart {
  const filled: Record<string, unknown> = { ...atom };
  for (const [key, value] of Object.entries(atom))
    if (value === null && !Object.hasOwn(defaults, key))
      compiling.problems.add(
        [...path, key],
        'cancels a default, and atom-defaults has none: leave it out',
        'value',
      );
  for (const [key, value] of Object.entries(defaults))
    if (!Object.hasOwn(atom, key) && value !== null && takesDefault(atom, key))
      filled[key] = key === 'attempts' && isMap(value) ? ofAtom(atom, value) : value;
  return filled as AtomPart;
}

/** Clauses, waits and pauses are for all atoms, other policies for those that do work, and `parallel` for fan-outs. */
function takesDefault(atom: AtomPart, key: string): boolean {
  switch (key) {
    case 'attempts':
    case 'timeout':
    case 'fail-on':
    case 'wait-after':
      return [atom.task, atom.delegate, atom.flow].some((work) => work !== undefined);
    case 'onWorkerLoss':
      return atom.task !== undefined;
    case 'parallel':
      return atom['for-each'] !== undefined;
    default:
      return true;
  }
}

function ofAtom(atom: AtomPart, { scope, ...attempts }: DataMap): DataMap {
  return { ...attempts, ...(scope !== undefined && atom['for-each'] !== undefined && { scope }) };
}
