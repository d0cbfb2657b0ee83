/** Routed flows as people see them: activations, and the items of those that fan out. */
import type { Arguments, JournalEntry, JsonValue } from '@baton/core';
import { awaitedOutside, type Expects } from '@baton/flow';
import { childOf, partOf, type RoutedState } from '@baton/engine';
import type { AtomReport } from './atom-report.js';

/** `suspended`: nothing is sent to workers for now. */
export type Standing = 'going' | 'suspended' | 'over';

export interface Surroundings<N> {
  /** Timer → when it is due. */
  readonly dueTimes: ReadonlyMap<string, number>;
  /** By request of a delegate. */
  readonly progress: ProgressByRequest;
  readonly standing: Standing;
  /** Of something that runs: who has it. */
  readonly requestReport: (of: N) => Partial<AtomReport>;
}

export function activationReports(
  run: RoutedState,
  { dueTimes, progress, standing, requestReport }: Surroundings<string>,
): AtomReport[] {
  const units = [...run.activations.values()].flatMap((activation) => [
    activation,
    ...(activation.fanOut?.items ?? []),
  ]);
  return units.map((unit): AtomReport => {
    const { id, state, attempt, requestId, atom, flow } = unit;
    const isChild = atom.definition.flow !== undefined;
    const failure = unit.revertFailure ?? unit.failure;
    return {
      name: id,
      kind: 'activation',
      state,
      ...(attempt > 0 && { attempt }),
      ...(run.delegates.has(id)
        ? standing !== 'over' && {
            ...waitingReport(atom.definition, { args: unit.args, dueAtMs: dueTimes.get(unit.timer ?? '') }),
            ...progress.get(requestId ?? ''),
            ...(unit.openId !== undefined && requestReport(id)),
          }
        : requestId !== undefined && !isChild && requestReport(id)),
      ...(isChild && attempt > 0 && flow !== undefined && { child: childOf(run, unit) }),
      ...(failure && { failure }),
    };
  });
}

/** Of a delegate that is waited for. */
export function waitingReport(
  { expects, ...of }: { readonly task?: string; readonly delegate?: string; readonly expects?: Expects },
  { args, dueAtMs }: { readonly args: Arguments; readonly dueAtMs: number | undefined },
): Pick<AtomReport, 'delegate' | 'args' | 'expects' | 'dueAtMs'> {
  const delegate = awaitedOutside(of) ?? '';
  return {
    ...{ delegate, args: dataOf(args) },
    ...(expects && { expects }),
    ...(dueAtMs !== undefined && { dueAtMs }),
  };
}

/** Timer → when it is due, of all that were ever set. */
export function dueTimesOf(entries: readonly JournalEntry[]): ReadonlyMap<string, number> {
  const timers = entries.flatMap(({ facts }) =>
    facts.flatMap((fact) => (fact.fact === 'timer' && fact.dueAtMs !== undefined ? [fact] : [])),
  );
  return new Map(timers.map(({ id, dueAtMs = 0 }) => [id, dueAtMs]));
}

type ProgressByRequest = ReadonlyMap<string, Pick<AtomReport, 'progress'>>;

export function progressOf(entries: readonly JournalEntry[]): ProgressByRequest {
  const told = new Map<string, Pick<AtomReport, 'progress'>>();
  for (const { facts, atMs } of entries)
    for (const fact of facts) {
      if (fact.fact !== 'command' || !fact.progress) continue;
      const { requestId, ...progress } = fact.progress;
      told.set(requestId, { progress: { ...progress, atMs } });
    }
  return told;
}

function dataOf(args: Arguments): Readonly<Record<string, JsonValue>> {
  const entries = Object.entries(args).flatMap(([name, { value, path }]) => {
    if (!('data' in value)) return [];
    return [[name, path === undefined ? value.data : (partOf(value.data, path) ?? null)] as const];
  });
  return Object.fromEntries(entries);
}
