import { closest } from '@baton/core';
import type { JsonSchema } from './flow-schema.js';

/** Where a value does not fit a schema (a JSON path such as `root.children[2].name`), and why. */
export interface Misfit {
  readonly path: string;
  readonly reason: string;
}

/** What becomes of properties that the schema does not name: a newer version may know them (E-1504), or they are slips. */
export type UnknownFields = 'kept' | 'refused';

/** By `format`: what a value must be, and is not. */
export type Formats = Readonly<Record<string, (value: unknown) => string | undefined>>;

/** The first misfit in document order; `undefined` when the value fits. Paths are cut to a readable length. */
export function firstMisfit(
  root: JsonSchema,
  value: unknown,
  unknownFields: UnknownFields = 'kept',
  formats: Formats = {},
): Misfit | undefined {
  const misfit = new SchemaCheck(root, unknownFields, formats).check(root, value, '');
  return misfit && { ...misfit, path: shortPath(misfit.path) };
}

/** Names and nesting come from outside: a message that repeats them whole can be megabytes. */
export function shortPath(path: string): string {
  const ends = 80;
  if (path.length <= 2 * ends) return path;
  return `${path.slice(0, ends)}…${path.slice(-ends)}`;
}

class SchemaCheck {
  readonly #root: JsonSchema;
  readonly #unknownFields: UnknownFields;
  readonly #formats: Formats;
  #depth = 0;

  constructor(root: JsonSchema, unknownFields: UnknownFields, formats: Formats) {
    this.#root = root;
    this.#unknownFields = unknownFields;
    this.#formats = formats;
  }

  check(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
    // nesting comes from outside: refuse it before the stack does
    if (this.#depth > 1_000) return { path, reason: 'is nested too deeply' };
    this.#depth++;
    try {
      return this.#check(this.#resolved(schema), value, path);
    } finally {
      this.#depth--;
    }
  }

  #resolved(schema: JsonSchema): JsonSchema {
    const name = schema.$ref?.slice('#/$defs/'.length);
    return (name === undefined ? undefined : this.#root.$defs?.[name]) ?? schema;
  }

  #check(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
    if (schema.anyOf) return this.#checkAny(schema.anyOf, value, path, schema.description);
    const reason = schema.format === undefined ? undefined : this.#formats[schema.format]?.(value);
    if (reason !== undefined) return { path, reason };
    if (schema.const !== undefined && value !== schema.const)
      return { path, reason: `must be ${JSON.stringify(schema.const)}` };
    if (schema.enum && !schema.enum.some((allowed) => allowed === value))
      return { path, reason: `must be one of ${schema.enum.join(', ')}` };
    switch (schema.type) {
      case 'object':
        return this.#checkObject(schema, value, path);
      case 'array':
        return this.#checkArray(schema, value, path);
      case 'string':
        return checkString(schema, value, path);
      case 'integer':
        return checkInteger(schema, value, path);
      case 'boolean':
        return typeof value === 'boolean' ? undefined : { path, reason: 'must be true or false' };
      case undefined:
        return undefined;
    }
  }

  /** Branches that are told apart by `kind` report inside the one that was meant. */
  #checkAny(
    branches: readonly JsonSchema[],
    value: unknown,
    path: string,
    description?: string,
  ): Misfit | undefined {
    const kind = isObject(value) ? value['kind'] : undefined;
    const resolved = branches.map((branch) => this.#resolved(branch));
    const meant = resolved.find(({ properties }) => {
      const tag = properties?.['kind'];
      return (
        tag !== undefined && (tag.const === kind || tag.enum?.some((allowed) => allowed === kind) === true)
      );
    });
    if (meant) return this.check(meant, value, path);
    // or by the fields that only one of them has to have
    const shaped = resolved.filter(
      ({ required = [] }) =>
        required.length > 0 && isObject(value) && required.every((key) => Object.hasOwn(value, key)),
    );
    if (shaped.length === 1 && shaped[0]) return this.check(shaped[0], value, path);
    const kinds = resolved.flatMap(({ properties }) => {
      const tag = properties?.['kind'];
      return tag ? [tag.const ?? '', ...(tag.enum ?? [])].filter((text) => text !== '') : [];
    });
    if (kinds.length > 0 && isObject(value))
      return { path: join(path, 'kind'), reason: `must be one of ${kinds.join(', ')}` };
    const misfits = resolved.map((branch) => this.check(branch, value, path));
    if (misfits.includes(undefined)) return undefined;
    const forms = description === undefined ? '' : `: ${description}`;
    return { path, reason: `has none of the allowed forms${forms}` };
  }

  #checkObject(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
    if (!isObject(value)) return { path, reason: `must be an object${fieldsOf(schema)}` };
    for (const key of schema.required ?? [])
      if (!Object.hasOwn(value, key) || value[key] === undefined)
        return { path: join(path, key), reason: 'is missing' };
    for (const [key, part] of Object.entries(value)) {
      if (part === undefined) continue;
      const at = join(path, key);
      if (schema.propertyNames) {
        const misfit = this.check(schema.propertyNames, key, at);
        if (misfit) return { path: at, reason: `has a name that ${misfit.reason}` };
      }
      const own = schema.properties;
      const isKnown = own !== undefined && Object.hasOwn(own, key);
      if (own && !isKnown && schema.additionalProperties === undefined && this.#unknownFields === 'refused')
        return { path: at, reason: unknownReason(key, Object.keys(own)) };
      const rule = isKnown ? own[key] : schema.additionalProperties;
      const misfit = rule && this.check(rule, part, at);
      if (misfit) return misfit;
    }
    return undefined;
  }

  #checkArray(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
    if (!Array.isArray(value)) return { path, reason: 'must be an array' };
    const items: readonly unknown[] = value;
    if (schema.uniqueItems === true && new Set(items).size < items.length)
      return { path, reason: 'must not repeat an item' };
    for (const [index, item] of items.entries()) {
      const misfit = schema.items && this.check(schema.items, item, `${path}[${index}]`);
      if (misfit) return misfit;
    }
    return undefined;
  }
}

function fieldsOf({ properties = {} }: JsonSchema): string {
  const fields = Object.keys(properties);
  return fields.length > 0 ? ` of ${fields.join(', ')}` : '';
}

function unknownReason(key: string, known: readonly string[]): string {
  // how far apart two names are takes the product of their lengths, and one is from outside
  const meant = key.length > 100 ? undefined : closest(key, known);
  return `is not known here${meant === undefined ? `: there are ${known.join(', ')}` : `, did you mean ${meant}?`}`;
}

function checkString(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
  if (typeof value !== 'string') return { path, reason: 'must be a text' };
  if (schema.maxLength !== undefined && value.length > schema.maxLength)
    return { path, reason: `must not be longer than ${schema.maxLength}` };
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
    return { path, reason: `must match ${schema.pattern}` };
  return undefined;
}

function checkInteger(schema: JsonSchema, value: unknown, path: string): Misfit | undefined {
  if (!Number.isSafeInteger(value)) return { path, reason: 'must be a whole number' };
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    return { path, reason: `must be at least ${schema.minimum}` };
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
