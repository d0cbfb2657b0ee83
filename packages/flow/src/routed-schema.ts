/** The shape of a routed flow as JSON Schema (draft 2020-12). `parseRoutedFlow` checks against this very object. */
import {
  delegating,
  expression,
  extraction,
  flag,
  inputs,
  type JsonSchema,
  ms,
  name,
  ref,
  repeats,
  symbol,
  symbols,
  texts,
  work,
} from './flow-schema.js';

/** Any JSON data, with `${…}` in its texts. */
const template: JsonSchema = {};
const templates: JsonSchema = { type: 'object', propertyNames: symbol, additionalProperties: template };
const guard: JsonSchema = { type: 'string', maxLength: 4096 };
const given = (literal: JsonSchema): JsonSchema => ({ anyOf: [literal, expression] });
const count: JsonSchema = { type: 'integer', minimum: 1 };

export const routedFlowSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:baton:routed-flow:1',
  title: 'Baton routed flow',
  type: 'object',
  required: ['schemaVersion', 'root'],
  properties: {
    schemaVersion: { const: 1 },
    root: ref('routed'),
    flows: { type: 'object', propertyNames: name, additionalProperties: { type: 'object' } },
  },
  $defs: {
    extraction,
    attempts: {
      type: 'object',
      required: ['max'],
      properties: {
        ...repeats,
        max: given(count),
        delayMs: given(ms),
        maxDelayMs: ms,
        jitter: flag,
        stopOn: texts,
        breakOn: guard,
        continueOn: guard,
        scope: { const: 'item' },
      },
    },
    routed: {
      type: 'object',
      required: ['kind', 'name', 'atoms'],
      properties: {
        kind: { const: 'routed' },
        name,
        requires: symbols,
        optional: { type: 'object', propertyNames: symbol },
        vars: templates,
        atoms: { type: 'array', items: ref('atom'), minItems: 1 },
        start: { type: 'array', items: name, uniqueItems: true, minItems: 1 },
        output: templates,
        outputOnError: templates,
        merge: { const: 'deep' },
        rollback: { const: 'completed' },
        onExpressionError: { const: 'fail-atom' },
      },
    },
    atom: {
      type: 'object',
      required: ['name'],
      properties: {
        name,
        ...inputs,
        ...work,
        timeout: {
          type: 'object',
          properties: { attemptMs: given(ms), queueMs: given(ms), waitMs: given(ms), totalMs: given(ms) },
        },
        ...delegating,
        flow: given(name),
        pauseBefore: given(flag),
        waitBeforeMs: given(ms),
        waitAfterMs: given(ms),
        failOn: guard,
        forEach: templates,
        parallel: given(count),
        onItemError: { const: 'stop' },
        input: { anyOf: [expression, templates] },
        provides: { type: 'object', propertyNames: symbol, additionalProperties: ref('extraction') },
        publish: ref('publish'),
        publishOnError: ref('publish'),
        publishOnSkip: ref('publish'),
        output: template,
        keepResult: { type: 'boolean' },
        onSuccess: ref('clause'),
        onError: ref('clause'),
        onComplete: ref('clause'),
        onSkip: ref('clause'),
        join: { anyOf: [{ enum: ['all', 'reached'] }, { type: 'integer', minimum: 1 }] },
      },
    },
    publish: { type: 'object', properties: { branch: templates, global: templates } },
    clause: {
      type: 'object',
      properties: { publish: ref('publish'), next: { type: 'array', items: ref('transition') } },
    },
    transition: {
      type: 'object',
      required: ['to'],
      properties: { to: name, when: guard, message: template },
    },
  },
};
