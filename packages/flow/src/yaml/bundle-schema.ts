/** The keys of bundles (control-flow.md C-1503, C-1504), beside those that their flows have in common with documents. */
import { type JsonSchema, ref } from '../flow-schema.js';
import { baton, yamlDocumentSchema } from './document-schema.js';
import { flowName, name, templates, text } from './schema-parts.js';

const { $defs = {} } = yamlDocumentSchema;

export const yamlBundleSchema: JsonSchema = {
  type: 'object',
  description: 'a map with baton: 1, bundle: NAME and flows',
  required: ['baton', 'bundle', 'flows'],
  properties: {
    baton,
    bundle: flowName,
    description: text,
    flows: {
      type: 'object',
      minProperties: 1,
      propertyNames: flowName,
      additionalProperties: ref('member'),
    },
    tasks: {
      type: 'object',
      minProperties: 1,
      propertyNames: name,
      additionalProperties: ref('alias'),
    },
  },
  $defs: {
    ...$defs,
    alias: {
      type: 'object',
      description: 'a map of what is meant: { uses: NAME, input, output }',
      required: ['uses'],
      properties: { uses: name, input: templates, output: {}, description: text },
    },
  },
};

/** Of one flow of a bundle. */
export const yamlMemberSchema: JsonSchema = { ...$defs['member'], $defs };
