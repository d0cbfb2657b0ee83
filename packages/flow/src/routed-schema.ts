/** The shape of a routed flow as JSON Schema (draft 2020-12). `parseRoutedFlow` checks against this very object. */
import {
  attempts,
  expression,
  extraction,
  inputs,
  type JsonSchema,
  name,
  ref,
  symbol,
  symbols,
  work,
} from './flow-schema.js';

/** Any JSON data, with `${…}` in its texts. */
const template: JsonSchema = {};
const templates: JsonSchema = { type: 'object', propertyNames: symbol, additionalProperties: template };
const guard: JsonSchema = { type: 'string', maxLength: 4096 };

export const routedFlowSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:baton:routed-flow:1',
  title: 'Baton routed flow',
  type: 'object',
  required: ['schemaVersion', 'root'],
  properties: { schemaVersion: { const: 1 }, root: ref('routed') },
  $defs: {
    extraction,
    attempts,
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
        input: { anyOf: [expression, templates] },
        provides: { type: 'object', propertyNames: symbol, additionalProperties: ref('extraction') },
        publish: ref('publish'),
        publishOnError: ref('publish'),
        publishOnSkip: ref('publish'),
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
