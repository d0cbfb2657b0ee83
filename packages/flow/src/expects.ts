/** What an answer from outside must be, as flow JSON and YAML have it (C-1106): the fields of an object, each with its type. */
import type { JsonSchema } from './flow-schema.js';
import { firstMisfit } from './schema-check.js';

const scalars = ['any', 'string', 'integer', 'number', 'boolean', 'list', 'map'] as const;
type Scalar = (typeof scalars)[number];

/** Types as people write them: `string`, `list(integer)`, `map(any)`. */
export type TypeName = Scalar | `${'list' | 'map'}(${Scalar})`;

/** Field → type: each must be there, and no other. */
export type Expects = Readonly<Record<string, TypeName>>;

/** What an answer of that type is; of `list` and `map` without more, anything is in them. */
type TypeOf<T> = T extends 'string'
  ? string
  : T extends 'integer' | 'number'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'list'
        ? unknown[]
        : T extends 'map'
          ? Record<string, unknown>
          : T extends `list(${infer I})`
            ? TypeOf<I>[]
            : T extends `map(${infer I})`
              ? Record<string, TypeOf<I>>
              : unknown;

/** An answer with those fields; anything, when nothing is expected. */
export type Answer<E> = E extends Expects ? { -readonly [K in keyof E]: TypeOf<E[K]> } : unknown;

export const typeNames = Object.freeze({
  pattern: `^(${scalars.join('|')}|(list|map)\\((${scalars.join('|')})\\))$`,
  words: `${scalars.join(', ')}, list(string), map(integer)`,
});

/** The same as JSON Schema, for whoever makes a form of it. */
export function answerSchema(expects: Expects): JsonSchema {
  return {
    type: 'object',
    required: Object.keys(expects),
    properties: Object.fromEntries(Object.entries(expects).map(([field, name]) => [field, schemaOf(name)])),
  };
}

/** What is wrong with an answer, in words; undefined: it is as expected. */
export function answerFault(expects: Expects, value: unknown): string | undefined {
  const misfit = firstMisfit(answerSchema(expects), value, 'refused');
  return misfit && `${misfit.path === '' ? 'it' : misfit.path} ${misfit.reason}`;
}

function schemaOf(name: string): JsonSchema {
  const [, outer = name, inner] = /^(list|map)\((.*)\)$/.exec(name) ?? [];
  const items = inner === undefined ? undefined : schemaOf(inner);
  switch (outer) {
    case 'list':
      return { type: 'array', ...(items && { items }) };
    case 'map':
      return { type: 'object', ...(items && { additionalProperties: items }) };
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
      return { type: outer };
    default:
      return {};
  }
}
