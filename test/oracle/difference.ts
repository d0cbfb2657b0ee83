/** The first difference between a recorded and a played scenario (FORMAT 4.1), after what section 20 normalises by rule. */
import type { JsonValue } from '@baton/core';
import type { Phase, RecordedRun } from './scenario.js';
import { isRepeat } from './trace.js';
import type { Recorded } from './world.js';

export interface Difference {
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  /** Rule of the specification that speaks about it. */
  readonly rule?: string;
  readonly at?: Place;
}

/** `event`: position in the recorded trace, if it is a difference of events. */
export interface Place {
  readonly phase: number;
  readonly part: 'events' | 'flow' | 'atoms' | 'symbols' | 'raised' | 'missing';
  readonly event?: number;
  readonly want?: Recorded;
  readonly got?: Recorded;
}

export interface Comparison {
  /** `whole`: of two plays of Baton, of which nothing is advisory. */
  readonly mode: 'strict' | 'exact' | 'whole';
  /** Left out: what a stuck or misreported end makes of it. */
  readonly without?: readonly Place['part'][];
}

export function difference(
  { expected }: Pick<RecordedRun, 'expected'>,
  phases: readonly Phase[],
  { mode, without = [] }: Comparison,
): Difference | undefined {
  for (const [index, want] of expected.phases.entries()) {
    const got = phases[index];
    const where = `phase ${index} (${want.do})`;
    if (!got) return { where, expected: want.do, got: 'nothing', at: { phase: index, part: 'missing' } };
    const found = phaseDifference(want, got, { mode, without });
    if (found)
      return {
        ...found,
        where: `${where} ${found.where}`,
        at: { part: 'missing', ...found.at, phase: index },
      };
  }
  return undefined;
}

export function phaseDifference(
  want: Phase,
  got: Phase,
  { mode, without = [] }: Comparison,
): Difference | undefined {
  const ofEvents = without.includes('events') ? undefined : eventDifference(want, got, mode);
  return ofEvents ?? (want.crashed ? undefined : outcomeDifference(want, got, mode !== 'strict', without));
}

function eventDifference(want: Phase, got: Phase, mode: Comparison['mode']): Difference | undefined {
  // a process that died between two writes leaves no trace to compare (FORMAT 4.3)
  if (got === want) return undefined;
  // an atom found RUNNING or REVERTING is taken up without another notification (E-1303)
  const recorded = [...want.events.entries()].filter(([, event]) => !isRepeat(event));
  const failures = new Map<string, string>();
  for (let index = 0; index < Math.max(recorded.length, got.events.length); index++) {
    const [event = want.events.length, wanted] = recorded[index] ?? [];
    const given = got.events[index];
    if (wanted?.[3] === 'FAILURE') failures.set(String(wanted[1]), text(wanted[4]));
    const [one, other] = comparable(wanted ?? [], given ?? [], { mode, failures });
    // mostly they are written alike, and to sort their keys is most of what comparing costs
    if (JSON.stringify(one) === JSON.stringify(other) || text(one) === text(other)) continue;
    return {
      where: `event ${event}`,
      expected: text(one),
      got: text(other),
      ...ruleOf(wanted ?? given),
      at: { phase: 0, part: 'events', event, ...(wanted && { want: wanted }), ...(given && { got: given }) },
    };
  }
  return undefined;
}

interface Knowing {
  readonly mode: Comparison['mode'];
  /** By atom, the last failure in this phase. */
  readonly failures: ReadonlyMap<string, string>;
}

/** E-124, E-1918: of failures handed to `revert`, those both know, unless TaskFlow tells one of an earlier attempt. */
function comparable(
  want: Recorded,
  got: Recorded,
  { mode, failures }: Knowing,
): readonly [Recorded, Recorded] {
  if (mode === 'whole' || want[0] !== 'revert' || got[0] !== 'revert') return [want, got];
  const [a, b] = [want.at(-1), got.at(-1)] as [Record<string, JsonValue>, Record<string, JsonValue>];
  const isCurrent = (atom: string): boolean => (failures.get(atom) ?? text(a[atom])) === text(a[atom]);
  const isCompared = (atom: string): boolean => Object.hasOwn(b ?? {}, atom) && isCurrent(atom);
  const both = mode === 'exact' ? Object.keys(a ?? {}).filter(isCompared) : [];
  const pick = (event: Recorded, from: Record<string, JsonValue>): Recorded => [
    ...event.slice(0, -1),
    Object.fromEntries(both.map((atom) => [atom, from[atom] ?? null])),
  ];
  return [pick(want, a), pick(got, b)];
}

export function outcomeDifference(
  want: Phase,
  got: Phase,
  exact: boolean,
  without: readonly Place['part'][],
): Difference | undefined {
  const runs = want.do === 'run' || want.do === 'revert';
  const parts: (readonly [Place['part'], unknown, unknown, string])[] = [
    ['flow', want.flow, got.flow, 'E-721'],
    // before it was prepared TaskFlow knows no atoms
    // … and details of atoms that a changed flow has no more are kept, and ignored (E-1332)
    [
      'atoms',
      atomsOf(sharedWith(got.atoms, want.atoms), exact),
      atomsOf(sharedWith(want.atoms, got.atoms), exact),
      'E-1121',
    ],
  ];
  if (runs && want.symbols && got.symbols && !isUnprepared(want)) {
    const symbols = withoutFailures(want.symbols);
    // TaskFlow gives up a symbol when one of its providers lacks it; Baton goes on to the next (E-1104)
    parts.push(['symbols', symbols, sharedWith(symbols, withoutFailures(got.symbols)), 'E-1112']);
  }
  parts.push(['raised', isStaleRaise(want) ? recordedFailures(want) : raised(want), raised(got), 'E-809']);
  for (const [part, one, other, rule] of parts) {
    const pair = without.includes(part) ? undefined : narrowed(one, other);
    if (pair)
      return {
        where: `${part}${pair.at}`,
        expected: pair.want,
        got: pair.got,
        rule,
        at: { phase: 0, part },
      };
  }
  return undefined;
}

function sharedWith<V>(
  want: Readonly<Record<string, unknown>>,
  got: Readonly<Record<string, V>>,
): Record<string, V> {
  return Object.fromEntries(Object.entries(got).filter(([key]) => Object.hasOwn(want, key)));
}

/** Validation failed before the atoms were made known. */
function isUnprepared(phase: Phase): boolean {
  return phase.events.length === 0;
}

export function narrowed(want: unknown, got: unknown): { at: string; want: string; got: string } | undefined {
  if (JSON.stringify(want) === JSON.stringify(got) || text(want) === text(got)) return undefined;
  if (isObject(want) && isObject(got))
    for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const inner = narrowed(want[key], got[key]);
      if (inner) return { ...inner, at: `.${key}${inner.at}` };
    }
  return { at: '', want: text(want), got: text(got) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Baton forgets a failure when its atom is reset for a new round (E-643, E-1125). */
function atomsOf(atoms: Phase['atoms'], exact: boolean): Phase['atoms'] {
  return Object.fromEntries(
    Object.entries(atoms).map(([name, { progress, failure, ...rest }]) => [
      name,
      {
        ...rest,
        ...(exact && progress !== undefined && { progress }),
        ...(failure !== undefined &&
          !['PENDING', 'IGNORE', 'RUNNING'].includes(String(rest['state'])) && { failure }),
      },
    ]),
  );
}

/** For Baton a failure is never the value of a symbol (E-1105). */
function withoutFailures(symbols: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> {
  const kept: Record<string, JsonValue> = {};
  for (const [symbol, value] of Object.entries(symbols)) {
    if (!Array.isArray(value) || !value.some(isFailure)) {
      if (!isFailure(value)) kept[symbol] = value;
      continue;
    }
    const values = value.filter((one) => !isFailure(one as JsonValue)) as JsonValue[];
    const [only] = values;
    if (only !== undefined) kept[symbol] = values.length === 1 ? only : values;
  }
  return kept;
}

function isFailure(value: JsonValue): boolean {
  return isObject(value) && '$failure' in value;
}

function raised({ raised: all }: Phase): readonly string[] | null {
  return all && all.failures.length > 0 ? all.failures.map(text).toSorted() : null;
}

/** Whether TaskFlow raised other failures than its own stored atoms have (tag `stale-raise`). */
export function isStaleRaise(phase: Phase): boolean {
  return (
    phase.flow === 'REVERTED' &&
    phase.raised !== null &&
    text(raised(phase)) !== text(recordedFailures(phase))
  );
}

const mayHaveFailed: ReadonlySet<unknown> = new Set(['FAILURE', 'REVERTING', 'REVERTED', 'REVERT_FAILURE']);

/** What is to be raised: the failures that atoms have on record (E-809). */
function recordedFailures({ atoms }: Phase): readonly string[] | null {
  const failures = Object.values(atoms)
    .filter(({ state }) => mayHaveFailed.has(state))
    .flatMap(({ failure, revertFailure }) => [failure, revertFailure])
    .filter((failure) => failure !== undefined)
    .map(text)
    .toSorted();
  return failures.length > 0 ? failures : null;
}

const rules: Readonly<Record<string, string>> = {
  decide: 'E-501',
  resolve: 'E-622',
  execute: 'E-1101',
  revert: 'E-901',
  flow: 'E-721',
  task: 'E-812',
  retry: 'E-641',
  suspend: 'E-1001',
};

function ruleOf(event: Recorded | undefined): { readonly rule?: string } {
  const rule = rules[String(event?.[0])];
  return rule === undefined ? {} : { rule };
}

export function text(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
  ) as string | undefined;
  return json ?? 'nothing';
}
