/** Values that stand in many places of a document. */
import { typeNames } from '../expects.js';
import { expression, type JsonSchema, name as anyName, symbol as anySymbol } from '../flow-schema.js';

export const name: JsonSchema = {
  ...anyName,
  description: 'a name: up to 255 of letters, digits and . _ + $ -',
};
/** C-1528: where a name and an id may stand, it must be clear which one it is. */
export const flowName: JsonSchema = {
  type: 'string',
  pattern: `^(?![0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$)${(anyName.pattern ?? '').slice(1)}`,
  description: `${name.description ?? ''}; not one that looks like the id of a job`,
};
export const symbol: JsonSchema = {
  ...anySymbol,
  description: 'a name of letters, digits and . _ $ -, beginning with a letter, _ or $',
};
export const text: JsonSchema = { type: 'string', maxLength: 4096, description: 'a text' };
export const texts: JsonSchema = {
  type: 'array',
  items: { type: 'string', maxLength: 255 },
  minItems: 1,
  uniqueItems: true,
};
export const symbols: JsonSchema = { type: 'array', items: symbol, uniqueItems: true };
export const cel: JsonSchema = {
  type: 'string',
  pattern: '\\S',
  maxLength: expression.properties?.['expr']?.maxLength ?? 0,
  description: 'a CEL expression, such as n > 3',
};
export const none: JsonSchema = { const: null };
export const templates: JsonSchema = { type: 'object', propertyNames: symbol, additionalProperties: {} };
export const filled: JsonSchema = { ...templates, minProperties: 1 };
export const notYet = (what: string): JsonSchema => ({ notYet: what });

/** C-1006. */
export const duration: JsonSchema = {
  description: 'a duration such as 250ms, 10s, 2m, 1h or 3d, or whole milliseconds',
  anyOf: [
    { type: 'integer', minimum: 0 },
    // no more digits than whole milliseconds have
    { type: 'string', pattern: '^([0-9]{1,12}(ms|s)|[0-9]{1,8}(m|h|d))$' },
  ],
};
/** C-802: what stands for a value is one insertion; what it gives is known when it is needed. */
export const inserted: JsonSchema = {
  type: 'string',
  pattern: '^\\$\\{\\s*\\S[^]*\\}$',
  maxLength: (cel.maxLength ?? 0) + 3,
};
export const given = (literal: JsonSchema): JsonSchema => ({
  description: `${literal.description ?? ''}, or "\${…}" that gives it`,
  anyOf: [...(literal.anyOf ?? [literal]), inserted],
});
export const orNone = (schema: JsonSchema): JsonSchema => ({
  description: `${schema.description ?? ''}; null cancels a default`,
  anyOf: [...(schema.anyOf ?? [schema]), none],
});
export const count: JsonSchema = { type: 'integer', minimum: 1, description: 'a whole number from 1 on' };

export const inputType: JsonSchema = {
  type: 'string',
  pattern: typeNames.pattern,
  description: `a type: ${typeNames.words}`,
};
const typed: JsonSchema = {
  type: 'object',
  required: ['type'],
  properties: { type: inputType, default: {}, description: text },
};
export const input: JsonSchema = { description: inputType.description ?? '', anyOf: [inputType, typed] };
