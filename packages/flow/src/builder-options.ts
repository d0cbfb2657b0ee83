/**
 * What the builders take, as tables: in JavaScript no compiler reads an option that is misspelt, and one that is not known would be left out without
 * a word. What goes into the flow as it is has the rule of its schema; `format` stands for what JSON Schema has no word for.
 */
import { codeOf, DefinitionError, durationMs } from '@baton/core';
import type { AnyAtom } from './atom.js';
import type { RetryKind } from './definition.js';
import { typeNames } from './expects.js';
import {
  deciding,
  decisions,
  expression,
  flag,
  inputs,
  type JsonSchema,
  name as atomName,
  priority,
  repeats,
  symbol,
  symbols,
  work,
} from './flow-schema.js';
import { firstMisfit, type Formats } from './schema-check.js';
import { encodeUserValue, isPlain } from './user-value.js';

/** Where a worker runs a task. */
export const isolations = ['inline', 'thread', 'process'] as const;

const method: JsonSchema = { format: 'function' };
const duration: JsonSchema = { format: 'duration' };
const json: JsonSchema = { format: 'json' };
const schemas: JsonSchema = {
  format: 'schemas',
  type: 'object',
  propertyNames: symbol,
  additionalProperties: { format: 'schema' },
};
const use = {
  rebind: inputs.rebind,
  inject: { type: 'object', propertyNames: symbol, additionalProperties: json },
  priority,
} satisfies Record<string, JsonSchema>;

export const taskOptions = tableOf(
  {
    requires: schemas,
    optional: schemas,
    provides: {
      description: 'a symbol, a list of symbols, or { byIndex: [symbols] }',
      anyOf: [symbol, symbols, tableOf({ byIndex: symbols }, ['byIndex'])],
    },
    ...use,
    version: work.version,
    timeout: tableOf({ attempt: duration, queue: duration }),
    attempts: tableOf({ ...repeats, delay: duration }, ['max']),
    onWorkerLoss: work.onWorkerLoss,
    isolation: { enum: isolations },
    execute: method,
    revert: method,
    preExecute: method,
    postExecute: method,
    preRevert: method,
    postRevert: method,
  },
  ['execute'],
);
export const useOptions = tableOf(use);
export const delegateOptions = tableOf({
  requires: schemas,
  provides: taskOptions.properties?.['provides'] ?? {},
  expects: {
    ...{ type: 'object', minProperties: 1, propertyNames: symbol },
    additionalProperties: {
      type: 'string',
      pattern: typeNames.pattern,
      description: `a type: ${typeNames.words}`,
    },
  },
  timeout: tableOf({ wait: duration }),
  attempts: taskOptions.properties?.['attempts'] ?? {},
  open: method,
});

export const patternOptions = tableOf({ retry: { format: 'retry' } });
export const linkOptions = tableOf(deciding, ['decider']);
export const linkingOptions = tableOf({ resolveRequires: flag, resolveExisting: flag });

const common = { name: atomName, priority } satisfies Record<string, JsonSchema>;
const providing = {
  ...common,
  provides: symbol,
  backoff: { format: 'backoff', ...decisions.backoff },
} satisfies Record<string, JsonSchema>;
const repeating = { ...providing, revertAll: flag } satisfies Record<string, JsonSchema>;

export const retryOptions: Readonly<Record<RetryKind, JsonSchema>> = {
  alwaysRevert: tableOf(common),
  alwaysRevertAll: tableOf(common),
  times: tableOf({ ...repeating, on: decisions.on }),
  forEach: tableOf(repeating),
  parameterizedForEach: tableOf({ ...repeating, values: symbol }, ['values']),
  custom: tableOf({ ...providing, requires: symbols }),
};
/** What stands before the options. */
export const retryArguments = {
  attempts: decisions.attempts,
  values: { type: 'array', items: json },
  onFailure: { format: 'expression', ...expression },
} satisfies Record<string, JsonSchema>;

const delays = { initial: duration, jitter: flag } satisfies Record<string, JsonSchema>;
export const backoffOptions = {
  constant: tableOf(delays, ['initial']),
  linear: tableOf({ ...delays, max: duration }, ['initial']),
  exponential: tableOf({ ...delays, max: duration }, ['initial']),
};

export function tableOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema {
  return { type: 'object', properties, required };
}

const formats: Formats = {
  function: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
  duration: (value) =>
    isDuration(value) ? undefined : 'must be a duration such as 250ms, 10s, 2m, 1h or 3d',
  json: (value) => {
    const encoded = encodeUserValue(value, 'it');
    if ('problem' in encoded) return `must be JSON data: ${encoded.problem}`;
    return 'data' in encoded.value ? undefined : 'must be JSON data: it is bytes';
  },
  schema: (value) =>
    has(value, '~standard') ? undefined : "must be a schema, such as zod's z.string(), or type()",
  schemas: (value) =>
    Array.isArray(value) || has(value, '~standard')
      ? 'must have a schema for each parameter: { site: z.string() }, or { site: type() }'
      : undefined,
  retry: (value) =>
    has(value, 'definition') && typeof value !== 'function'
      ? undefined
      : 'must be made by retry.times(…), retry.forEach(…) or another of retry',
  backoff: (value) =>
    has(value, 'kind')
      ? undefined
      : 'must be made by backoff.constant(…), backoff.linear(…) or backoff.exponential(…)',
  expression: (value) => (has(value, 'expr') ? undefined : "must be an expression: expr('…')"),
};

function isDuration(value: unknown): boolean {
  if (typeof value !== 'number' && typeof value !== 'string') return false;
  try {
    durationMs(value);
    return true;
  } catch (error) {
    if (codeOf(error) === 'BATON_INPUT_INVALID') return false;
    throw error;
  }
}

/** Schemas may be functions, and have it from their class. */
function has(value: unknown, key: string): boolean {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && key in value;
}

/**
 * Refuses what the table does not have; `of` is what is built.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` with what is built, the option, and the name that was meant.
 */
export function checkOptions(of: string, table: JsonSchema, options: unknown): void {
  const misfit = firstMisfit(table, options, 'refused', formats);
  if (misfit) refuse(of, misfit.path, misfit.reason);
}

/** What is built, to be named in messages. @throws DefinitionError `BATON_DEFINITION_INVALID` for a name that none can have. */
export function named(kind: string, name: unknown): string {
  const misfit = firstMisfit(atomName, name);
  const of = typeof name === 'string' ? `${kind} ${JSON.stringify(name.slice(0, 255))}` : kind;
  if (misfit) refuse(of, 'its name', misfit.reason);
  return `${kind} ${name as string}`;
}

/** Of an instance only what options there are is looked at: a class may keep more for its methods. */
export function checkTaskOptions(name: unknown, options: unknown): void {
  const isInstance = typeof options === 'object' && options !== null && !isPlain(options);
  const known = Object.keys(taskOptions.properties ?? {});
  const given = isInstance
    ? Object.fromEntries(known.map((key) => [key, (options as Record<string, unknown>)[key]]))
    : options;
  checkOptions(named('task', name), taskOptions, given);
}

/** @throws DefinitionError `BATON_DEFINITION_INVALID` for what is no task or flow. */
export function checkAtom(of: string, atom: unknown): void {
  if (typeof (atom as AnyAtom | undefined | null)?.toNode === 'function') return;
  const what = Array.isArray(atom)
    ? 'a list (for lists there is addAll)'
    : atom === null
      ? 'null'
      : typeof atom;
  refuse(of, '', `must be tasks and flows, and is ${what}`);
}

/** The same for what is no list of them. */
export function checkAtoms(of: string, atoms: unknown): void {
  if (typeof (atoms as Partial<Iterable<unknown>> | undefined | null)?.[Symbol.iterator] !== 'function')
    refuse(of, '', 'with addAll must be a list of tasks and flows');
}

function refuse(of: string, option: string, reason: string): never {
  throw new DefinitionError(
    'BATON_DEFINITION_INVALID',
    `${of}: ${option === '' ? 'what it is given' : option} ${reason}`,
    { details: { path: option } },
  );
}
