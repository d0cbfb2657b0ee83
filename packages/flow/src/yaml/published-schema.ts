/** The JSON Schema of YAML documents, for editors. */
import type { JsonSchema } from '../flow-schema.js';
import { yamlBundleSchema } from './bundle-schema.js';
import { yamlDocumentSchema } from './document-schema.js';

const { $schema = '', $id = '', title = '', ...flow } = yamlDocumentSchema;
const whole: JsonSchema = {
  ...{ $schema, $id, title, description: flow.description ?? '' },
  anyOf: [flow, yamlBundleSchema].map(({ $defs: _, ...document }) => document),
  $defs: yamlBundleSchema.$defs ?? {},
};

/** What is published: without what is refused, and closed, as documents may have no other keys. */
export function publishedSchema(schema: JsonSchema = whole): object {
  const {
    notYet: _,
    only: __,
    properties,
    additionalProperties,
    $defs,
    items,
    anyOf,
    propertyNames,
    ...rest
  } = schema;
  const each = (parts: Readonly<Record<string, JsonSchema>>): object =>
    Object.fromEntries(
      Object.entries(parts)
        .filter(([, part]) => part.notYet === undefined)
        .map(([key, part]) => [key, publishedSchema(part)]),
    );
  return {
    ...rest,
    ...(propertyNames && { propertyNames: publishedSchema(propertyNames) }),
    ...(properties && { properties: each(properties) }),
    ...(additionalProperties
      ? { additionalProperties: publishedSchema(additionalProperties) }
      : properties && { additionalProperties: false }),
    ...(items && { items: publishedSchema(items) }),
    ...(anyOf && { anyOf: anyOf.map((branch) => publishedSchema(branch)) }),
    ...($defs && { $defs: each($defs) }),
  };
}
