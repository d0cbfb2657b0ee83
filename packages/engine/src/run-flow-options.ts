/** What `runFlow` and `runDefinition` take, as tables: in JavaScript no compiler reads an option that is misspelt. */
import { InputError } from '@baton/core';
import { firstMisfit, flowOptions, type Formats, type JsonSchema } from '@baton/flow';

const text: JsonSchema = { type: 'string' };
const object: JsonSchema = { type: 'object' };
const signal: JsonSchema = { format: 'signal' };

const inProcess = {
  flowId: { type: 'string', maxLength: 255 },
  functions: {
    type: 'object',
    properties: {
      retries: object,
      deciders: { type: 'object', additionalProperties: { format: 'function' } },
    },
  },
  engine: { enum: ['serial', 'parallel', 'lazy'] },
  concurrency: { type: 'integer', minimum: 1 },
  deterministic: { type: 'boolean' },
  clock: { format: 'clock' },
  logBook: { format: 'log book' },
  env: object,
  evaluateEnv: { type: 'boolean' },
  begin: {
    type: 'object',
    required: ['type'],
    properties: {
      type: { enum: ['run', 'revert', 'retryRevert', 'acceptRevert', 'rerun', 'skip'] },
      atom: text,
      from: text,
      depth: text,
      reset: { type: 'boolean' },
      input: object,
      env: object,
      by: text,
      reason: text,
    },
  },
  signal,
  suspendSignal: signal,
  listeners: { type: 'array', items: { format: 'listener' } },
  log: object,
} satisfies Record<string, JsonSchema>;

/** Of `runDefinition`. */
export const inProcessTable: JsonSchema = { type: 'object', properties: inProcess };

/** Of `runFlow`. */
export const runFlowTable: JsonSchema = {
  type: 'object',
  properties: { store: object, ...inProcess, ...flowOptions.properties },
};

const formats: Formats = {
  function: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
  signal: (value) =>
    has(value, 'addEventListener') && has(value, 'aborted')
      ? undefined
      : 'must be an AbortSignal: of an AbortController, its signal',
  clock: (value) =>
    value === 'virtual' || has(value, 'setTimer') ? undefined : "must be 'virtual' or a Clock",
  'log book': (value) =>
    has(value, 'append') ? undefined : 'must be a LogBook, such as new MemoryLogBook()',
  listener: (value) => (has(value, 'notify') ? undefined : 'must be an object with notify'),
};

function has(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value;
}

/** @throws InputError `BATON_INPUT_INVALID` with the option, and the name that was meant. */
export function checkRunOptions(of: string, table: JsonSchema, options: unknown): void {
  const misfit = firstMisfit(table, options, 'refused', formats);
  if (misfit)
    throw new InputError('BATON_INPUT_INVALID', `${of}: ${misfit.path || 'its options'} ${misfit.reason}`);
}
