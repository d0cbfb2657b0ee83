/** The first difference between a recorded and a played scenario (FORMAT 4.1), after what section 20 normalises by rule. */
import type { JsonValue } from '@baton/core';
import type { Phase, RecordedRun } from './scenario.js';
import type { Recorded } from './world.js';

export interface Difference {
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  /** Rule of the specification that speaks about it. */
  readonly rule?: string;
}

export function difference(
  { expected }: RecordedRun,
  phases: readonly Phase[],
  mode: 'strict' | 'exact',
): Difference | undefined {
  const exact = mode === 'exact';
  // what follows a result that lacks a promised part is Baton's own way (E-130)
  const last = phases.findIndex(({ events }) => events.some(isShapeFailure));
  for (const [index, want] of expected.phases.entries()) {
    if (last >= 0 && index > last) return undefined;
    const got = phases[index];
    if (!got) return { where: `phase ${index}`, expected: want.do, got: 'nothing' };
    const name = `phase ${index} (${want.do})`;
    const found =
      eventDifference(want, got, exact) ??
      (want.crashed || index === last ? undefined : outcomeDifference(want, got, exact, expected.tags));
    if (found) return { ...found, where: `${name} ${found.where}` };
  }
  return undefined;
}

function eventDifference(want: Phase, got: Phase, exact: boolean): Difference | undefined {
  // a process that died between two writes leaves no trace to compare (FORMAT 4.3)
  if (got === want) return undefined;
  for (let index = 0; index < Math.max(want.events.length, got.events.length); index++) {
    const [one, other] = comparable(want.events[index] ?? [], got.events[index] ?? [], exact);
    if (isShapeFailure(got.events[index])) return undefined;
    if (text(one) !== text(other))
      return {
        where: `event ${index}`,
        expected: text(one),
        got: text(other),
        ...ruleOf(want.events[index] ?? got.events[index]),
      };
  }
  return undefined;
}

/** E-124, E-1918: of failures handed to `revert`, those both know. */
function comparable(want: Recorded, got: Recorded, exact: boolean): readonly [Recorded, Recorded] {
  if (want[0] !== 'revert' || got[0] !== 'revert') return [want, got];
  const [a, b] = [want.at(-1), got.at(-1)] as [Record<string, JsonValue>, Record<string, JsonValue>];
  const both = exact ? Object.keys(a ?? {}).filter((atom) => Object.hasOwn(b ?? {}, atom)) : [];
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
  tags: readonly string[],
): Difference | undefined {
  const runs = want.do === 'run' || want.do === 'revert';
  const parts: (readonly [string, unknown, unknown, string])[] = [
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
  if (!tags.includes('stale-raise')) parts.push(['raised', raised(want), raised(got), 'E-809']);
  for (const [where, one, other, rule] of parts) {
    const pair = narrowed(one, other);
    if (pair) return { where: `${where}${pair.at}`, expected: pair.want, got: pair.got, rule };
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

function narrowed(want: unknown, got: unknown): { at: string; want: string; got: string } | undefined {
  if (text(want) === text(got)) return undefined;
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

function isShapeFailure(event: Recorded | undefined): boolean {
  const result = event?.[4] ?? null;
  return event?.[3] === 'FAILURE' && isFailure(result) && text(result).includes('"ResultShape"');
}

function raised({ raised: all }: Phase): readonly string[] | null {
  return all && all.failures.map(text).toSorted();
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
