/** The shape of a flow definition as JSON Schema (draft 2020-12). `parseFlowDefinition` checks against this very object. */

import { typeNames } from './expects.js';

/** The part of JSON Schema that is used here; `schema-check.ts` understands exactly this. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly const?: string | number | boolean | null;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly uniqueItems?: boolean;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
  /** What JSON Schema has no word for: checked where the reader knows it. */
  readonly format?: string;
  readonly anyOf?: readonly JsonSchema[];
  /** Known, and refused until it can be done: what it would be. No part of what is published. */
  readonly notYet?: string;
  /** Keys of YAML: the shape of flow that they belong to, when it is one. No part of what is published. */
  readonly only?: 'ordered' | 'routed';
}

export const name: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9._+$-]{1,255}$' };
export const symbol: JsonSchema = {
  type: 'string',
  pattern: '^(?!__proto__$)[A-Za-z_$][A-Za-z0-9._$-]{0,254}$',
};
const text: JsonSchema = { type: 'string', maxLength: 255 };
export const symbols: JsonSchema = { type: 'array', items: symbol, uniqueItems: true };
export const texts: JsonSchema = { type: 'array', items: text };
export const ms: JsonSchema = { type: 'integer', minimum: 0 };
export const flag: JsonSchema = { type: 'boolean' };
export const priority: JsonSchema = { type: 'integer' };
export const expression: JsonSchema = {
  type: 'object',
  required: ['expr'],
  properties: { expr: { type: 'string', maxLength: 4096 } },
};
export const ref = (definition: string): JsonSchema => ({ $ref: `#/$defs/${definition}` });

export const inputs = {
  requires: symbols,
  optional: symbols,
  rebind: { type: 'object', propertyNames: symbol, additionalProperties: symbol },
} satisfies Record<string, JsonSchema>;

const atom = {
  name,
  ...inputs,
  inject: { type: 'object', propertyNames: symbol },
  provides: { type: 'object', propertyNames: symbol, additionalProperties: ref('extraction') },
  revertInputs: { type: 'object', properties: inputs },
  priority,
} satisfies Record<string, JsonSchema>;

const backoffKind: JsonSchema = { enum: ['constant', 'linear', 'exponential'] };

export const repeats = {
  max: { type: 'integer', minimum: 1 },
  backoff: backoffKind,
  retryOn: texts,
} satisfies Record<string, JsonSchema>;

export const attempts: JsonSchema = {
  type: 'object',
  required: ['max'],
  properties: { ...repeats, delayMs: ms },
};

export const extraction: JsonSchema = {
  description: 'null: the whole result; a number: that element of it; a text: that key of it',
  anyOf: [{ const: null }, { type: 'integer', minimum: 0 }, { type: 'string', maxLength: 255 }],
};

/** What a worker is asked to do, and how often. */
export const work = {
  task: name,
  version: { type: 'string', pattern: '^[0-9]{1,6}\\.[0-9]{1,6}$' },
  timeout: { type: 'object', properties: { attemptMs: ms, queueMs: ms, waitMs: ms } },
  onWorkerLoss: { enum: ['resend', 'fail', 'park'] },
  attempts: ref('attempts'),
} satisfies Record<string, JsonSchema>;

/** What is waited for outside. */
export const delegating = {
  delegate: name,
  expects: {
    type: 'object',
    minProperties: 1,
    propertyNames: symbol,
    additionalProperties: { type: 'string', pattern: typeNames.pattern, description: typeNames.words },
  },
  open: name,
} satisfies Record<string, JsonSchema>;

/** What a retry controller is given beside what all atoms are. */
export const decisions = {
  attempts: { type: 'integer', minimum: 0 },
  values: { type: 'array' },
  onFailure: expression,
  revertAll: flag,
  on: texts,
  backoff: {
    type: 'object',
    required: ['kind', 'initialMs'],
    properties: { kind: backoffKind, initialMs: ms, maxMs: ms, jitter: flag },
  },
} satisfies Record<string, JsonSchema>;

/** When a link is followed. */
export const deciding = {
  decider: {
    description: "expr('…'), or in process { local: 'NAME' }",
    anyOf: [expression, { type: 'object', required: ['local'], properties: { local: text } }],
  },
  depth: { enum: ['all', 'flow', 'neighbors', 'atom'] },
} satisfies Record<string, JsonSchema>;

export const flowOptions: JsonSchema = {
  type: 'object',
  properties: { deferReverts: flag, neverResolve: flag },
};

export const flowDefinitionSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:baton:flow-definition:1',
  title: 'Baton flow definition',
  type: 'object',
  required: ['schemaVersion', 'root'],
  properties: {
    schemaVersion: { const: 1 },
    root: ref('node'),
    options: flowOptions,
  },
  $defs: {
    node: { anyOf: [ref('task'), ref('pattern')] },
    extraction,
    task: {
      type: 'object',
      required: ['kind', 'name'],
      properties: { kind: { const: 'task' }, ...atom, ...work, ...delegating },
    },
    attempts,
    pattern: {
      type: 'object',
      required: ['kind', 'name'],
      properties: {
        kind: { enum: ['linear', 'unordered', 'graph'] },
        name,
        retry: ref('retry'),
        children: { type: 'array', items: ref('node') },
        links: { type: 'array', items: ref('link') },
      },
    },
    link: {
      type: 'object',
      required: ['from', 'to'],
      properties: {
        from: ms,
        to: ms,
        symbols,
        ...deciding,
      },
    },
    retry: {
      type: 'object',
      required: ['kind'],
      properties: {
        kind: {
          enum: ['alwaysRevert', 'alwaysRevertAll', 'times', 'forEach', 'parameterizedForEach', 'custom'],
        },
        ...atom,
        ...decisions,
      },
    },
  },
};
