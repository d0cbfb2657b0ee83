/** What is left after a phase, in the form of the recordings (FORMAT 2.4). */
import type { Failure, JsonValue, Value } from '@baton/core';
import { extract, failuresOf } from '@baton/engine';
import type { AtomNode, AtomRun, RunState } from '@baton/engine';
import type { Phase } from './scenario.js';
import { historyJson } from './trace.js';
import { failureJson, valueJson } from './world.js';

export function atomsOf(state: RunState, progress: ReadonlyMap<string, number>): Phase['atoms'] {
  return Object.fromEntries(
    Array.from(state.compiled.atoms.values(), (node) => [
      node.name,
      atomJson(state.runs[node.id], node.kind, progress.get(node.name)),
    ]),
  );
}

function atomJson(
  run: AtomRun | undefined,
  kind: 'task' | 'retry',
  progress: number | undefined,
): Readonly<Record<string, JsonValue>> {
  if (!run) return {};
  const all: Record<string, JsonValue | undefined> = {
    state: run.state,
    intention: run.intention,
    result: run.state === 'REVERT_FAILURE' ? undefined : run.value && valueJson(run.value),
    failure: run.failure && failureJson(run.failure),
    revertResult: kind === 'retry' ? undefined : run.undo.value && valueJson(run.undo.value),
    revertFailure: run.undo.failure && failureJson(run.undo.failure),
    history: run.retry && historyJson(run.retry.history),
    progress: kind === 'task' ? progress : undefined,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      value === undefined || value === null ? [] : [[key, value]],
    ),
  );
}

export interface Injected {
  readonly persisted: Readonly<Record<string, JsonValue>>;
  readonly transient: Readonly<Record<string, JsonValue>>;
}

/** E-1111 to E-1113: everything that can be fetched by name; several live providers give the list of their values. */
export function symbolsOf(
  { compiled, runs }: RunState,
  { persisted, transient }: Injected,
): Readonly<Record<string, JsonValue>> {
  const symbols: Record<string, JsonValue[]> = {};
  for (const source of [persisted, transient])
    for (const [symbol, value] of Object.entries(source)) (symbols[symbol] ??= []).push(value);
  for (const node of compiled.nodes) {
    if (node.kind !== 'task' && node.kind !== 'retry') continue;
    for (const symbol of node.provides.keys()) {
      const value = fetched(node, runs[node.id], symbol);
      if (value !== undefined) (symbols[symbol] ??= []).push(value);
    }
  }
  const found = Object.entries(symbols).map(([symbol, values]) => [
    symbol,
    values.length === 1 ? (values[0] ?? null) : values,
  ]);
  return Object.fromEntries(found) as Record<string, JsonValue>;
}

function fetched(node: AtomNode, run: AtomRun | undefined, symbol: string): JsonValue | undefined {
  if (!run || run.failure || !['SUCCESS', 'REVERTING'].includes(run.state)) return undefined;
  const value: Value | undefined = run.retry ? run.retry.history.at(-1)?.value : run.value;
  const found = extract(value, node.provides.get(symbol) ?? null);
  return found && valueJson(found.value);
}

/** What `run` raises (FORMAT 3.2): FAILURE the fatal ones only, REVERTED everything that is recorded (E-808, E-809). */
export function raisedBy(state: RunState): Phase['raised'] {
  if (state.flow === 'SUCCESS' || state.flow === 'SUSPENDED') return null;
  const failures = failuresOf(state);
  if (state.flow !== 'FAILURE') return raised(failures);
  const now = new Set(Array.from(state.failedNow, (id) => state.compiled.nodes[id]?.name));
  const isFatal = ({ atom, phase }: Failure): boolean =>
    phase === 'revert' || (state.compiled.options.neverResolve && now.has(atom));
  return raised(failures.filter(isFatal));
}

function raised(failures: readonly Failure[]): Phase['raised'] {
  return failures.length === 0 ? null : { failures: failures.map(failureJson) };
}
