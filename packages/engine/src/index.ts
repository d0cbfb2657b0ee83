export { fold, type Observer, type Transition } from './apply-fact.js';
export { extract, partOf, provided, resolveArguments } from './arguments.js';
export { type ChildEnd, childFailure } from './child-failure.js';
export { compile } from './compile.js';
export * from './compiled.js';
export { compileExpression, type Expression, lastExpressionSteps } from './expression.js';
export { expressionChecks } from './expression-checks.js';
export { ExpressionError } from './expression-error.js';
export { expressionLimits, type Names } from './expression-syntax.js';
export { failuresOf } from './finish.js';
export * from './any-run.js';
export { type RoutedAtom, type RoutedGraph, routedGraph } from './routed/routed-graph.js';
export { childOf } from './routed/child-command.js';
export type { RoutedState, Unit } from './routed/routed-state.js';
export * from './local-functions.js';
export * from './protocol.js';
export { type AtomRun, type HistoryEntry, newRun, type RunOptions, type RunState } from './run-state.js';
export { builtInController } from './retry-controllers.js';
export { ChildRuns } from './drivers/child-runs.js';
export { Drive, type DriveOptions, isAtRest } from './drivers/drive.js';
export { jsonOf, storableSymbols } from './drivers/json-values.js';
export { type EnvironmentOptions, storableEnvironment } from './drivers/environment.js';
export { capturing, durations, logging } from './drivers/listeners.js';
export { answerOf, LazyEngine, type LazyEngineOptions } from './drivers/lazy-engine.js';
export { type FlowDetail, type LogBook, MemoryLogBook, type StoredFlow } from './drivers/log-book.js';
export type { Listener, Notification } from './drivers/notifier.js';
export { TaskCalls, type TaskCallOptions } from './drivers/task-calls.js';
export type { StoredTurn } from './drivers/turns.js';
export {
  type BeginEvent,
  type EngineKind,
  type FlowReport,
  type InProcessOptions,
  type RunnableFlow,
  runDefinition,
  runFlow,
  type RunFlowOptions,
  type StopSignal,
} from './run-flow.js';
export { restoreRun, snapshotRun } from './snapshot.js';
export { step } from './step.js';
export { symbolValues } from './symbol-values.js';
export { type MissingDependency, missingDependencies, validate } from './validate.js';
export { scopesOf, visibleProviders } from './visibility.js';
