/** Routed flow JSON as a YAML document. */
import type { JsonValue } from '@baton/core';
import type {
  ClauseDefinition,
  PublishDefinition,
  RoutedAtomDefinition,
  RoutedDefinition,
  Template,
  TransitionDefinition,
} from '../routed-definition.js';
import { insertedIn, shortTimeout } from './policies.js';
import {
  declared,
  durationField,
  givenField,
  providesField,
  takenFields,
  workFields,
  type Written,
  written,
} from './yaml-fields.js';

const clauses = {
  onSuccess: 'on-success',
  onError: 'on-error',
  onComplete: 'on-complete',
  onSkip: 'on-skip',
} as const;
const publishes = {
  publish: 'publish',
  publishOnError: 'publish-on-error',
  publishOnSkip: 'publish-on-skip',
} as const;

/** Without clauses that do nothing, and whatever else is empty and says nothing by that. */
export function withoutEmpty(flow: RoutedDefinition): RoutedDefinition {
  const { requires, optional, vars, outputOnError, ...rest } = flow;
  return {
    ...rest,
    ...(requires && requires.length > 0 && { requires }),
    ...(hasKeys(optional) && { optional }),
    ...(hasKeys(vars) && { vars }),
    ...(hasKeys(outputOnError) && { outputOnError }),
    atoms: flow.atoms.map((atom) => {
      const kept = Object.entries(atom).flatMap(([key, value]): [string, unknown][] => {
        if (key in clauses) return filledOnly(key, leanClause(value as ClauseDefinition));
        if (key in publishes) return filledOnly(key, leanPublish(value as PublishDefinition));
        if (['requires', 'optional', 'rebind', 'provides'].includes(key))
          return filledOnly(key, value as object);
        return [[key, value]];
      });
      return Object.fromEntries(kept) as unknown as RoutedAtomDefinition;
    }),
  };
}

function leanClause({ publish, next }: ClauseDefinition): ClauseDefinition {
  const lean = publish && leanPublish(publish);
  return { ...(hasKeys(lean) && { publish: lean }), ...(next && next.length > 0 && { next }) };
}

function leanPublish(publish: PublishDefinition): PublishDefinition {
  return Object.fromEntries(Object.entries(publish).filter(([, variables]) => hasKeys(variables as object)));
}

function filledOnly(key: string, value: object): [string, unknown][] {
  return hasKeys(value) ? [[key, value]] : [];
}

function hasKeys<T extends object>(value: T | undefined): value is T {
  return value !== undefined && Object.keys(value).length > 0;
}

export function routedDocument(flow: RoutedDefinition): Written {
  const { name, requires, optional, vars, output, outputOnError, start, merge, atoms } = flow;
  const { rollback, onExpressionError } = flow;
  const isSeen =
    start !== undefined ||
    atoms.some((atom) => atom.join !== undefined || Object.keys(clauses).some((key) => key in atom));
  return written({
    baton: 1,
    flow: name,
    pattern: isSeen ? undefined : 'routed',
    requires: requires && declared(requires),
    optional: optional && new Map(Object.entries(optional).map(([key, value]) => [key, inputField(value)])),
    vars,
    output,
    'output-on-error': outputOnError,
    start: start?.length === 1 ? start[0] : start,
    merge,
    rollback,
    'on-expression-error': onExpressionError,
    atoms: new Map(atoms.map((atom) => [atom.name, atomFields(atom)])),
  });
}

function inputField(value: JsonValue): unknown {
  return value === null ? 'any' : written({ type: 'any', default: value });
}

function atomFields(atom: RoutedAtomDefinition): Written {
  const { task, delegate, expects, open, flow, input, provides, keepResult, join } = atom;
  const isWhole = input !== undefined && typeof input['expr'] === 'string' && Object.keys(input).length === 1;
  return written({
    task,
    delegate,
    expects,
    open,
    flow: givenField(flow),
    join,
    ...fanOutFields(atom),
    'pause-before': givenField(atom.pauseBefore),
    'wait-before': durationField(atom.waitBeforeMs),
    ...takenFields(atom),
    input: isWhole ? `\${${String(input['expr'])}}` : input,
    output: atom.output,
    provides: provides && providesField(provides),
    ...workFields(atom, shortTimeout(atom)),
    'wait-after': durationField(atom.waitAfterMs),
    'fail-on': atom.failOn,
    ...fields(publishes, (key) => atom[key] && publishField(atom[key])),
    'keep-result': keepResult,
    ...fields(clauses, (key) => atom[key] && clauseField(atom[key])),
  });
}

function fanOutFields({
  forEach,
  parallel,
  onItemError,
}: RoutedAtomDefinition): Readonly<Record<string, unknown>> {
  const lists = forEach && Object.entries(forEach).map(([name, list]) => [name, listField(list)] as const);
  const [only] = lists?.length === 1 ? lists : [];
  return {
    'for-each': only ? only[1] : lists && new Map(lists),
    as: only && only[0] !== 'item' ? only[0] : undefined,
    parallel: givenField(parallel),
    'on-item-error': onItemError,
  };
}

/** A list, or CEL that gives one. */
function listField(list: Template): unknown {
  return typeof list === 'string' ? (insertedIn(list) ?? list) : list;
}

function fields<K extends string>(
  names: Readonly<Record<K, string>>,
  of: (key: K) => unknown,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries((Object.entries(names) as [K, string][]).map(([key, name]) => [name, of(key)]));
}

/** Just variables, where none is called as a scope is. */
function publishField({ branch, global }: PublishDefinition): unknown {
  const isPlain =
    global === undefined &&
    !['branch', 'global', 'atomic'].some((scope) => Object.hasOwn(branch ?? {}, scope));
  return isPlain ? branch : written({ branch, global });
}

function clauseField({ publish, next = [] }: ClauseDefinition): unknown {
  const [only] = next;
  const entries = next.length === 1 && only ? transitionField(only) : next.map(transitionField);
  if (publish === undefined) return entries;
  return written({ publish: written({ ...publish }), next: next.length > 0 ? entries : undefined });
}

function transitionField({ to, when, message }: TransitionDefinition): unknown {
  if (when === undefined && message === undefined) return to;
  if (message === undefined && to !== 'to' && to !== 'publish') return new Map([[to, when]]);
  return written({ to, when, message });
}
