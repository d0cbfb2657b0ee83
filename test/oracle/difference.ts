import type { JsonValue } from '@baton/core';
import type { Phase, RecordedRun } from './scenario.js';

/** The first difference between a recorded and a replayed phase in mode strict (FORMAT 4.1); `undefined` when there is none. */
export function difference({ expected }: RecordedRun, actual: Phase): string | undefined {
  const [recorded] = expected.phases;
  if (!recorded) return 'nothing was recorded';
  for (let index = 0; index < Math.max(recorded.events.length, actual.events.length); index++) {
    const want = text(withoutFlowFailures(recorded.events[index] ?? []));
    const got = text(actual.events[index] ?? []);
    if (want !== got) return `event ${index}: expected ${want}, got ${got}`;
  }
  const parts: readonly [string, unknown, unknown][] = [
    ['flow', recorded.flow, actual.flow],
    ['atoms', withoutProgress(recorded.atoms), withoutProgress(actual.atoms)],
    ...(actual.flow === 'SUCCESS' ? [symbolsOf(recorded, actual)] : []),
    ...(expected.tags.includes('stale-raise')
      ? []
      : [
          [
            'raised',
            recorded.raised && sorted(recorded.raised.failures),
            actual.raised && sorted(actual.raised.failures),
          ] as [string, unknown, unknown],
        ]),
  ];
  for (const [what, want, got] of parts)
    if (text(want) !== text(got)) return `${what}: expected ${text(want)}, got ${text(got)}`;
  return undefined;
}

/**
 * Symbols with one provider: what several provide at once, or the store as well, TaskFlow gives as a list. And after a revert its
 * failures are values of symbols; for Baton a failure is never a value.
 */
function symbolsOf({ symbols: want = {} }: Phase, { symbols: got = {} }: Phase): [string, unknown, unknown] {
  const single = Object.keys(want).filter((symbol) => !Array.isArray(want[symbol]));
  const pick = (from: Readonly<Record<string, JsonValue>>) => single.map((symbol) => [symbol, from[symbol]]);
  return ['symbols', pick(want), pick(got)];
}

function withoutFlowFailures(event: readonly JsonValue[]): readonly JsonValue[] {
  return event[0] === 'revert' ? event.slice(0, -1) : event;
}

function withoutProgress(atoms: Phase['atoms']): Phase['atoms'] {
  return Object.fromEntries(
    Object.entries(atoms).map(([name, { progress: _progress, failure, ...rest }]) => [
      name,
      // Baton forgets a failure when its atom is reset for a new round (E-643)
      failure === undefined || rest['state'] === 'PENDING' || rest['state'] === 'IGNORE'
        ? rest
        : { ...rest, failure },
    ]),
  );
}

function sorted(failures: readonly JsonValue[]): readonly string[] {
  return failures.map(text).toSorted();
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
