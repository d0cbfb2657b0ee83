/** Runs of either shape: ordered, as TaskFlow's patterns are, or routed. Drivers need not know which. */
import { atomNameOf, type EventName, type Fact, type Failure } from '@baton/core';
import { type FlowDefinition, isRouted, parseRoutedFlow, type RoutedFlowDefinition } from '@baton/flow';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import type { Compiled } from './compiled.js';
import { failuresOf } from './finish.js';
import type { Argument, CancelChildCommand, Event, Turn, Watch } from './protocol.js';
import { applyRoutedFact } from './routed/apply-routed-fact.js';
import { cancelChildCommandOf, childRequestOf } from './routed/child-command.js';
import { checkRouted } from './routed/check-routed.js';
import { routedFailuresOf } from './routed/end.js';
import { type RoutedGraph, routedGraph } from './routed/routed-graph.js';
import { awaiting, findUnit, newRoutedRun, type RoutedState } from './routed/routed-state.js';
import { routedStep, waitingFor as routedWaitingFor } from './routed/routed-step.js';
import { restoreRouted, snapshotRouted } from './routed/routed-snapshot.js';
import { newRun, type RunOptions, type RunState } from './run-state.js';
import { restoreRun, snapshotRun } from './snapshot.js';
import { step } from './step.js';
import { symbolValues } from './symbol-values.js';
import { missingDependencies, validate } from './validate.js';
import { openDelegate, waitingFor } from './waiting.js';

export type AnyDefinition = FlowDefinition | RoutedFlowDefinition;
export type AnyCompiled = Compiled | RoutedGraph;
export type AnyRun = RunState | RoutedState;

/** @throws DefinitionError */
export function compileAny(definition: AnyDefinition): AnyCompiled {
  if (!isRouted(definition)) return compile(definition);
  const { root, flows } = parseRoutedFlow(definition, { unknownFields: 'refused' });
  return routedGraph(root, flows);
}

/** Everything that can be known to be wrong before it runs. @throws DefinitionError */
export function validateAny(compiled: AnyCompiled, given: readonly string[]): void {
  if (!('shape' in compiled)) return validate(compiled, given);
  checkRouted(compiled, given);
  for (const name of compiled.subFlows.names) checkSubFlow(compiled, name);
}

/** What it is given is looked at when it is started (C-1204). */
function checkSubFlow({ subFlows }: RoutedGraph, name: string): void {
  const definition = subFlows.get(name);
  const compiled = definition && compileAny(definition);
  if (!compiled) return;
  if ('shape' in compiled) return checkRouted(compiled);
  validate(
    compiled,
    missingDependencies(compiled, []).map(({ symbol }) => symbol),
  );
}

export function newAnyRun(compiled: AnyCompiled, options: RunOptions): AnyRun {
  return 'shape' in compiled ? newRoutedRun(compiled, options) : newRun(compiled, options);
}

export function stepAny(run: AnyRun, event: Event, watch?: Watch): Turn {
  return 'shape' in run ? routedStep(run, event, watch) : step(run, event, watch);
}

export function foldAny(run: AnyRun, facts: Iterable<Fact>): void {
  if (!('shape' in run)) return fold(run, facts);
  for (const fact of facts) applyRoutedFact(run, fact);
}

/** Undefined when the text is of another format or flow: fold the journal instead. */
export function restoreAny(compiled: AnyCompiled, text: string): AnyRun | undefined {
  return 'shape' in compiled ? restoreRouted(compiled, text) : restoreRun(compiled, text);
}

/** Undefined: it is too large for one. */
export function snapshotAny(run: AnyRun): string | undefined {
  return 'shape' in run ? snapshotRouted(run) : snapshotRun(run);
}

/** An answer from outside is waited for under this id. */
export function isOpenDelegate(run: AnyRun, requestId: string): boolean {
  if (!('shape' in run)) return openDelegate(run, requestId) !== undefined;
  const unit = awaiting(run, requestId);
  return unit !== undefined && run.delegates.has(unit.id);
}

/** Something waits for an event of this name and key. */
export function isAwaited(run: AnyRun, event: EventName): boolean {
  return ('shape' in run ? routedWaitingFor(run, event) : waitingFor(run, event)).length > 0;
}

/** A child run is waited for under this id. */
export function isOpenChild(run: AnyRun, requestId: string): boolean {
  const unit = 'shape' in run ? awaiting(run, requestId) : undefined;
  return unit?.atom.definition.flow !== undefined;
}

/** The request under which the child run of this one is being undone; undefined: it is not. */
export function undoRequestOf(run: AnyRun, requestId: string): string | undefined {
  if (!('shape' in run)) return undefined;
  const unit = findUnit(run, atomNameOf(requestId));
  const isMeant = unit?.state === 'REVERTING' && childRequestOf(run, unit) === requestId;
  return isMeant ? unit.requestId : undefined;
}

/** Child runs that may not be over: they are cancelled before their parent is left for good. */
export function openChildrenOf(run: AnyRun): readonly CancelChildCommand[] {
  if (!('shape' in run)) return [];
  const requests = Array.from(run.children, (id) => findUnit(run, id)?.requestId ?? '');
  return [...requests, ...run.cancelledChildren].map((requestId) => cancelChildCommandOf(run, requestId));
}

/** Nothing more is begun, as somebody wants it: what no worker has is taken back (`withdrawn`). */
export function isHalting(run: AnyRun): boolean {
  return run.flow === 'SUSPENDING' || ('shape' in run && run.isStopped);
}

/** It is decided how the run ends, and tasks of it run still (C-432, C-433). */
export function isRunningOut(run: AnyRun): boolean {
  return 'shape' in run && run.flow !== 'CANCELLED' && run.flow !== 'SUSPENDED' && run.outstanding.size > 0;
}

/** Something in it was begun. */
export function hasBegun(run: AnyRun): boolean {
  if ('shape' in run) return run.activations.size > 0;
  return run.runs.some((atom) => atom !== undefined && atom.state !== 'PENDING');
}

export function failuresOfAny(run: AnyRun): readonly Failure[] {
  return 'shape' in run ? routedFailuresOf(run) : failuresOf(run);
}

/** What a run gives: what its atoms provide, or its output. */
export function resultsOfAny<T>(run: AnyRun, read: (argument: Argument) => T): Readonly<Record<string, T>> {
  if (!('shape' in run)) return symbolValues(run, read);
  return Object.fromEntries(
    Object.entries(run.output ?? {}).map(([name, argument]) => [name, read(argument)]),
  );
}
