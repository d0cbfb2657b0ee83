/**
 * The keys of YAML documents (control-flow.md 15.2), one table: the parser checks with it, and the published JSON Schema is made of it. Beyond 15.2
 * stand `requires`, `optional`, `revert-inputs`, `name`, `links`, `output` of an atom, `defer-reverts`, `never-resolve` and flows written out under
 * `flow`: without them not all flow JSON could be written as YAML (C-1513).
 */
import { decisions, extraction, flag, type JsonSchema, priority, ref, work } from '../flow-schema.js';
import {
  cel,
  count,
  duration,
  filled,
  flowName,
  given,
  input,
  inputType,
  inserted,
  name,
  none,
  notYet,
  orNone,
  symbol,
  symbols,
  templates,
  text,
  texts,
} from './schema-parts.js';

const rebind: JsonSchema = { type: 'object', propertyNames: symbol, additionalProperties: symbol };
const inject: JsonSchema = { type: 'object', propertyNames: symbol };
const provides: JsonSchema = {
  description: 'a name, a list of names, { by-index: [names] }, or a map of names to where in the result',
  anyOf: [
    symbol,
    symbols,
    { type: 'object', required: ['by-index'], properties: { 'by-index': symbols } },
    { type: 'object', propertyNames: symbol, additionalProperties: ref('extraction') },
  ],
};
const taking = {
  requires: symbols,
  optional: symbols,
  rebind,
  inject,
  'revert-inputs': {
    only: 'ordered',
    type: 'object',
    properties: { requires: symbols, optional: symbols, rebind },
  },
} satisfies Record<string, JsonSchema>;

const attempts: JsonSchema = {
  description: 'how often in all, or { max, delay, backoff, retry-on, … }; null cancels a default',
  anyOf: [...(given(count).anyOf ?? []), ref('attempts'), none],
};
const timeout: JsonSchema = {
  description:
    'a duration such as 250ms, 10s, 2m, 1h or 3d, whole milliseconds, or { attempt, queue, wait, total }; null cancels a default',
  anyOf: [...(given(duration).anyOf ?? []), ref('timeout'), none],
};
const onWorkerLoss: JsonSchema = {
  description: 'resend, fail or park; null cancels a default',
  anyOf: [work.onWorkerLoss, none],
};
const clause: JsonSchema = {
  only: 'routed',
  description:
    'a name, { NAME: guard }, { to, when, message }, a list of those, or { publish, next }; null cancels a default',
  anyOf: [
    name,
    ref('entries'),
    ref('transition'),
    { type: 'object', required: ['publish'], properties: { publish: ref('publish'), next: ref('next') } },
    ref('guarded'),
    none,
  ],
};
const clauses = {
  'on-success': clause,
  'on-error': clause,
  'on-complete': clause,
  'on-skip': clause,
} satisfies Record<string, JsonSchema>;
const waits = {
  'wait-before': { ...orNone(given(duration)), only: 'routed' },
  'wait-after': { ...orNone(given(duration)), only: 'routed' },
  'pause-before': { ...orNone(given({ ...flag, description: 'true or false' })), only: 'routed' },
  'fail-on': {
    only: 'routed',
    description: 'true, false, or a CEL expression, such as self.result > 3; null cancels a default',
    anyOf: [flag, cel, none],
  },
  parallel: { ...orNone(given(count)), only: 'routed' },
} satisfies Record<string, JsonSchema>;
const policies = { attempts, timeout, onWorkerLoss, ...clauses, ...waits } satisfies Record<
  string,
  JsonSchema
>;
const publish: JsonSchema = { ...ref('publish'), only: 'routed' };
const list: JsonSchema = {
  description: 'a CEL expression that gives a list, or a list',
  anyOf: [cel, { type: 'array' }],
};

const atom: JsonSchema = {
  type: 'object',
  description: 'a map of what the atom is, such as { task: NAME }',
  properties: {
    task: name,
    flow: {
      description:
        'the name of a flow, "${…}" that gives it, or a flow written out: { pattern, retry, atoms }',
      anyOf: [name, inserted, ref('inner')],
    },
    delegate: name,
    name: { ...name, only: 'ordered' },
    description: text,
    ...taking,
    input: {
      description: 'a map of parameters, or one "${…}" that gives all of them',
      anyOf: [{ ...templates }, { type: 'string', pattern: '^\\$\\{[^]*\\}$', maxLength: 4099 }],
    },
    output: { only: 'routed' },
    provides,
    publish,
    'publish-on-error': publish,
    'publish-on-skip': publish,
    'keep-result': { ...flag, only: 'routed' },
    after: { ...ref('after'), only: 'ordered' },
    depth: { enum: ['all', 'flow', 'neighbors', 'atom'], only: 'ordered' },
    ...policies,
    join: {
      only: 'routed',
      description: 'all, one, reached, or how many arrivals (at least 1)',
      anyOf: [{ enum: ['all', 'one', 'reached'] }, { type: 'integer', minimum: 1 }],
    },
    priority: { ...priority, only: 'ordered' },
    version: ref('version'),
    'for-each': {
      only: 'routed',
      description: `${list.description ?? ''}, or { NAME: list } for several in step`,
      anyOf: [...(list.anyOf ?? []), ref('lists')],
    },
    as: { ...symbol, only: 'routed' },
    'on-item-error': { const: 'stop', only: 'routed' },
    expects: {
      description: `a map of the fields of the answer, each with ${inputType.description ?? ''}`,
      ...{ type: 'object', minProperties: 1, propertyNames: symbol, additionalProperties: inputType },
    },
    open: name,
    isolated: notYet('a flow that runs apart'),
    params: notYet('parameters of a flow that runs apart'),
    topic: notYet('workers of a topic'),
    tags: notYet('labels to search by'),
  },
};

/** What flows at every level have. */
const level = {
  pattern: { enum: ['graph', 'linear', 'unordered', 'routed'] },
  description: text,
  retry: { ...ref('retry'), only: 'ordered' },
  'atom-defaults': { type: 'object', properties: policies },
  links: { only: 'ordered', type: 'array', items: ref('link') },
} satisfies Record<string, JsonSchema>;
const atoms: JsonSchema = { type: 'object', propertyNames: name, additionalProperties: ref('atom') };

/** What a flow says in a document of its own and in a bundle alike. */
const flow = {
  ...level,
  atoms: { ...atoms, minProperties: 1 },
  requires: { type: 'object', propertyNames: symbol, additionalProperties: input },
  optional: { type: 'object', propertyNames: symbol, additionalProperties: input },
  provides: { ...symbols, only: 'ordered' },
  vars: { ...filled, only: 'routed' },
  output: { ...filled, only: 'routed' },
  'output-on-error': { ...filled, only: 'routed' },
  start: {
    only: 'routed',
    description: 'the name of an atom, or a list of them',
    anyOf: [name, { type: 'array', items: name, minItems: 1, uniqueItems: true }],
  },
  merge: { enum: ['replace', 'deep'], only: 'routed' },
  'on-expression-error': { enum: ['fail-flow', 'fail-atom'], only: 'routed' },
  'defer-reverts': { ...flag, only: 'ordered' },
  'never-resolve': { ...flag, only: 'ordered' },
  rollback: { enum: ['none', 'completed'], only: 'routed' },
  deadline: notYet('an end by the clock'),
  tags: notYet('labels to search by'),
  namespace: notYet('flows of the same name apart from each other'),
  version: notYet('versions of a flow'),
} satisfies Record<string, JsonSchema>;
export const baton: JsonSchema = {
  description: '1, the version of the document',
  anyOf: [{ const: 1 }, { const: '1' }],
};

export const yamlDocumentSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:baton:flow-document:1',
  title: 'Baton flow document (YAML)',
  type: 'object',
  description: 'a map with baton: 1, flow: NAME and atoms, or baton: 1, bundle: NAME and flows',
  required: ['baton', 'flow', 'atoms'],
  properties: { baton, flow: flowName, ...flow },
  $defs: {
    atom,
    member: {
      type: 'object',
      description: 'a flow: what a document has, without baton and flow',
      required: ['atoms'],
      properties: flow,
    },
    inner: {
      type: 'object',
      description: 'a flow written out: { pattern, retry, atoms }',
      required: ['atoms'],
      properties: { ...level, atoms },
    },
    extraction,
    version: {
      description: 'major.minor, such as 1.0',
      anyOf: [{ type: 'string', pattern: work.version.pattern }, { type: 'number' }],
    },
    attempts: {
      type: 'object',
      required: ['max'],
      properties: {
        max: given(count),
        delay: given(duration),
        backoff: { enum: ['constant', 'linear', 'exponential'] },
        'retry-on': texts,
        factor: notYet('another factor than 2'),
        'max-delay': { ...duration, only: 'routed' },
        jitter: { ...flag, only: 'routed' },
        'break-on': { ...cel, only: 'routed' },
        'continue-on': { ...cel, only: 'routed' },
        'stop-on': { ...texts, only: 'routed' },
        scope: { const: 'item', only: 'routed' },
      },
    },
    timeout: {
      type: 'object',
      properties: {
        attempt: given(duration),
        queue: given(duration),
        silence: notYet('a bound for the time without progress'),
        wait: given(duration),
        total: { ...given(duration), only: 'routed' },
      },
    },
    lists: {
      type: 'object',
      description: 'variables, each with its list',
      minProperties: 1,
      propertyNames: symbol,
      additionalProperties: list,
    },
    publish: {
      type: 'object',
      description: 'a map of variables, or { branch: variables, global: variables }',
      propertyNames: symbol,
      additionalProperties: {},
    },
    next: {
      description: 'a name, { NAME: guard }, { to, when, message }, or a list of those',
      anyOf: [name, ref('entries'), ref('transition'), ref('guarded')],
    },
    entries: {
      type: 'array',
      minItems: 1,
      items: {
        description: 'a name, { NAME: guard } or { to, when, message }',
        anyOf: [name, ref('transition'), ref('guarded')],
      },
    },
    transition: { type: 'object', required: ['to'], properties: { to: name, when: cel, message: {} } },
    guarded: {
      type: 'object',
      description: 'one target with its guard, such as { NAME: n > 3 }',
      minProperties: 1,
      maxProperties: 1,
      propertyNames: name,
      additionalProperties: cel,
    },
    after: {
      description: 'the name of an atom, a list of them, or { NAME: condition }',
      anyOf: [
        name,
        { type: 'array', items: name, uniqueItems: true },
        {
          type: 'object',
          propertyNames: name,
          additionalProperties: {
            description: 'a CEL expression, or null for a link without one',
            anyOf: [cel, none],
          },
        },
      ],
    },
    link: {
      type: 'object',
      required: ['from', 'to'],
      properties: {
        from: name,
        to: name,
        symbols,
        when: cel,
        local: { type: 'string', maxLength: 255 },
        depth: { enum: ['all', 'flow', 'neighbors', 'atom'] },
      },
    },
    retry: {
      description:
        'how often in all, or { times }, { for-each: values }, { for-each-of: SYMBOL }, { decide: expression }, { always-revert: true } or { always-revert-all: true }',
      anyOf: [{ type: 'integer', minimum: 0 }, ref('controller')],
    },
    controller: {
      type: 'object',
      properties: {
        times: { type: 'integer', minimum: 0 },
        'for-each': { type: 'array' },
        'for-each-of': symbol,
        decide: cel,
        'always-revert': { const: true },
        'always-revert-all': { const: true },
        name,
        ...taking,
        provides,
        priority,
        'revert-all': flag,
        on: decisions.on,
        backoff: {
          description: 'a duration, or { kind, initial, max, jitter }',
          anyOf: [...(duration.anyOf ?? []), ref('backoff')],
        },
      },
    },
    backoff: {
      type: 'object',
      required: ['initial'],
      properties: {
        kind: { enum: ['exponential', 'linear', 'constant'] },
        initial: duration,
        max: duration,
        jitter: flag,
      },
    },
  },
};
