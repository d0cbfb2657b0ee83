/** The shape of a flow definition as JSON Schema (draft 2020-12). `parseFlowDefinition` checks against this very object. */

/** The part of JSON Schema that is used here; `schema-check.ts` understands exactly this. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly const?: string | number | null;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly uniqueItems?: boolean;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly anyOf?: readonly JsonSchema[];
}

const name: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9._+$-]{1,255}$' };
const symbol: JsonSchema = { type: 'string', pattern: '^(?!__proto__$)[A-Za-z_$][A-Za-z0-9._$-]{0,254}$' };
const text: JsonSchema = { type: 'string', maxLength: 255 };
const symbols: JsonSchema = { type: 'array', items: symbol, uniqueItems: true };
const ms: JsonSchema = { type: 'integer', minimum: 0 };
const flag: JsonSchema = { type: 'boolean' };
const expression: JsonSchema = {
  type: 'object',
  required: ['expr'],
  properties: { expr: { type: 'string', maxLength: 4096 } },
};
const ref = (definition: string): JsonSchema => ({ $ref: `#/$defs/${definition}` });

const inputs = {
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
  priority: { type: 'integer' },
} satisfies Record<string, JsonSchema>;

export const flowDefinitionSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:baton:flow-definition:1',
  title: 'Baton flow definition',
  type: 'object',
  required: ['schemaVersion', 'root'],
  properties: {
    schemaVersion: { const: 1 },
    root: ref('node'),
    options: { type: 'object', properties: { deferReverts: flag, neverResolve: flag } },
  },
  $defs: {
    node: { anyOf: [ref('task'), ref('pattern')] },
    extraction: {
      description: 'null: the whole result; a number: that element of it; a text: that key of it',
      anyOf: [{ const: null }, { type: 'integer', minimum: 0 }, { type: 'string', maxLength: 255 }],
    },
    task: {
      type: 'object',
      required: ['kind', 'name'],
      properties: {
        kind: { const: 'task' },
        ...atom,
        task: name,
        version: { type: 'string', pattern: '^[0-9]{1,6}\\.[0-9]{1,6}$' },
        timeout: { type: 'object', properties: { attemptMs: ms, queueMs: ms } },
        onWorkerLoss: { enum: ['resend', 'fail', 'park'] },
        attempts: ref('attempts'),
      },
    },
    attempts: {
      type: 'object',
      required: ['max'],
      properties: {
        max: { type: 'integer', minimum: 1 },
        delayMs: ms,
        backoff: { enum: ['constant', 'linear', 'exponential'] },
        retryOn: { type: 'array', items: text },
      },
    },
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
        decider: {
          anyOf: [expression, { type: 'object', required: ['local'], properties: { local: text } }],
        },
        depth: { enum: ['all', 'flow', 'neighbors', 'atom'] },
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
        attempts: { type: 'integer', minimum: 0 },
        values: { type: 'array' },
        onFailure: expression,
        revertAll: flag,
        on: { type: 'array', items: text },
        backoff: {
          type: 'object',
          required: ['kind', 'initialMs'],
          properties: {
            kind: { enum: ['constant', 'linear', 'exponential'] },
            initialMs: ms,
            maxMs: ms,
            jitter: flag,
          },
        },
      },
    },
  },
};
