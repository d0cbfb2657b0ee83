/** What expressions of an activation, or of the flow itself, may read (C-701, C-803), made only as far as they do. */
import {
  type Argument,
  type Arguments,
  type Environment,
  hash32,
  type JsonValue,
  openRecord,
} from '@baton/core';
import { partOf } from '../arguments.js';
import { dataOf } from '../decider-expressions.js';
import type { Expression } from '../expression.js';
import { fault } from '../expression-error.js';
import { expressionLimits } from '../expression-syntax.js';
import { failureData } from '../retry-expressions.js';
import type { Context } from './context.js';
import type { ExpressionBudget } from '../expression-budget.js';
import { type ExpressionHost, withHost } from './host-functions.js';
import type { Activation, Item, ItemVariables, RoutedState } from './routed-state.js';

export interface Place {
  readonly state: RoutedState;
  /** Of the turn that asks. */
  readonly budget: ExpressionBudget;
  /** Branch variables that are seen here. */
  readonly context: Context;
  /** Whose expression it is; the flow's own when absent. */
  readonly activation?: Activation;
  /** The element of its fan-out for which it is evaluated. */
  readonly item?: Item;
  /** What its attempt came to, while that is not recorded yet. */
  readonly self?: Self;
}

export type AtActivation = Place & { readonly activation: Activation };

export interface Self {
  readonly state: 'SUCCESS' | 'FAILURE' | 'SKIPPED' | 'PENDING';
  readonly value?: Activation['value'];
  readonly failure?: Activation['failure'];
  readonly published?: Arguments;
}

type Variables = Record<string, JsonValue>;

/** @throws ExpressionError */
export function evaluateAt(place: Place, expression: Expression): JsonValue {
  return place.budget.spend(expression.source, () => {
    const variables = variablesFor(place.state, place, expression);
    return withHost(hostOf(place), () => expression.value(variables, Object.keys(variables).length));
  });
}

/** A variable by its name, wherever it comes from. */
export function variableAt({ state, context, item }: Place, name: string): Argument | undefined {
  const { vars, globals } = state;
  if (item && Object.hasOwn(item.variables, name)) return { value: { data: item.variables[name] ?? null } };
  return context.get(name)?.value ?? globals.get(name) ?? own(vars, name) ?? inputOf(state, name);
}

export function dataOfArgument({ value, path }: Argument, what: string): JsonValue {
  const data = dataOf(value, what);
  return path === undefined ? data : (partOf(data, path) ?? null);
}

function variablesFor(state: RoutedState, place: Place, expression: Expression): Variables {
  const variables: Variables = {};
  const give = (name: string, make: (keys: ReadonlySet<string> | undefined) => JsonValue): void => {
    const read = expression.reads(name);
    if (read === undefined || read.size > 0) variables[name] = make(read);
  };
  give('ctx', (keys) => some(keys ?? namesAt(place), (name) => variableAt(place, name)));
  give('input', (keys) => some(keys ?? inputNames(state), (name) => inputOf(state, name)));
  give('vars', (keys) => some(keys ?? Object.keys(state.vars), (name) => own(state.vars, name)));
  give('env', (keys) => (keys ? picked(state.env, keys) : state.env));
  give('run', () => ({
    id: state.flowId,
    rootId: state.lineage?.rootId ?? state.flowId,
    name: state.graph.definition.name,
  }));
  const { activation, item } = place;
  if (item) {
    give('item', () => soleOf(item.variables));
    give('index', () => item.index);
  }
  if (activation) give('self', (keys) => selfOf(activation, place.self, keys));
  return variables;
}

function picked(of: Environment, keys: ReadonlySet<string>): Environment {
  return Object.fromEntries(Object.entries(of).filter(([key]) => keys.has(key)));
}

function selfOf(
  activation: Activation,
  self: Self | undefined,
  keys: ReadonlySet<string> | undefined,
): JsonValue {
  const reads = (key: string): boolean => keys?.has(key) ?? true;
  const { value, failure, published = {} } = self ?? activation;
  return {
    name: activation.atom.name,
    state: self?.state ?? activation.state,
    attempt: activation.attempt,
    triggeredBy: activation.triggeredBy.map(({ activation: from, event }) => ({ activation: from, event })),
    failure: failure ? failureData(failure) : null,
    ...(reads('result') && { result: dataOf(value, `the result of ${activation.id}`) }),
    ...(reads('published') && { published: some(Object.keys(published), (name) => own(published, name)) }),
  };
}

/** The element itself; of several lists that go in step, the map of theirs. */
function soleOf(variables: ItemVariables): JsonValue {
  const values = Object.values(variables);
  return values.length === 1 ? (values[0] ?? null) : variables;
}

function hostOf({ state, activation, item }: Place): ExpressionHost {
  let calls = 0;
  return {
    task: (name) => {
      const latest = state.latest[state.graph.byName.get(name)?.index ?? -1];
      return latest ? taskOf(latest) : null;
    },
    tasks: (wanted) => tasksOf(state, wanted),
    global: (name) => {
      const global = state.globals.get(name);
      return global ? dataOfArgument(global, `the global ${name}`) : null;
    },
    uuid: () => uuidFrom(`${state.flowId}/${item?.id ?? activation?.id ?? ''}/${calls++}`),
  };
}

/** @throws ExpressionError for more than a list may have */
function tasksOf({ activations }: RoutedState, wanted: string | undefined): readonly JsonValue[] {
  const { listMax } = expressionLimits;
  const found: JsonValue[] = [];
  for (const activation of activations.values()) {
    if (wanted !== undefined && activation.state !== wanted) continue;
    if (found.length === listMax) fault(`of tasks() would give more than ${listMax} activations`);
    found.push(taskOf(activation));
  }
  return found;
}

function taskOf(activation: Activation): JsonValue {
  const { id, atom, state, value, failure, published } = activation;
  return {
    id,
    name: atom.name,
    state,
    result: value === undefined ? null : dataOf(value, `the result of ${id}`),
    failure: failure ? failureData(failure) : null,
    published: some(Object.keys(published), (name) => own(published, name)),
  };
}

/** What is not there is left out, so that `has()` tells. */
function some(names: Iterable<string>, find: (name: string) => Argument | undefined): Variables {
  const found = openRecord<JsonValue>();
  for (const name of names) {
    const argument = find(name);
    if (argument) found[name] = dataOfArgument(argument, name);
  }
  return found;
}

function namesAt({ state, context, item }: Place): ReadonlySet<string> {
  return new Set([
    ...inputNames(state),
    ...Object.keys(state.vars),
    ...state.globals.keys(),
    ...context.keys(),
    ...Object.keys(item?.variables ?? {}),
  ]);
}

function inputNames({ store, graph }: RoutedState): ReadonlySet<string> {
  return new Set([...Object.keys(graph.definition.optional ?? {}), ...Object.keys(store)]);
}

function inputOf({ store, graph }: RoutedState, name: string): Argument | undefined {
  if (Object.hasOwn(store, name)) return store[name] && { value: store[name] };
  const { optional = {} } = graph.definition;
  return Object.hasOwn(optional, name) ? { value: { data: optional[name] ?? null } } : undefined;
}

function own(record: Arguments, name: string): Argument | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** In the form of a version 8 UUID, whose bits are anybody's own (RFC 9562). */
function uuidFrom(text: string): string {
  const hex = [0, 1, 2, 3].map((part) => hash32(`${part}/${text}`).toString(16).padStart(8, '0')).join('');
  const variant = ((parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
