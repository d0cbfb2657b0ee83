import { closest } from '@baton/core';
import type { JsonSchema } from './flow-schema.js';

/** Where a value stands in what holds it: keys of objects, indexes of arrays. */
export type Path = readonly (string | number)[];

/** Where a value does not fit a schema (a JSON path such as `root.children[2].name`), and why. */
export interface Misfit {
  readonly path: string;
  readonly reason: string;
}

/** The same, for those who look the place up. */
export interface PlacedMisfit {
  readonly keys: Path;
  readonly reason: string;
  /** `key`: not the value is wrong but its name. `missing`: nothing is there. */
  readonly what: 'value' | 'key' | 'missing';
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
  const [first] = misfits(root, value, { unknownFields, formats, max: 1 });
  return first && { path: shortPath(pathText(first.keys)), reason: first.reason };
}

export interface MisfitsOptions {
  readonly unknownFields?: UnknownFields;
  readonly formats?: Formats;
  readonly max: number;
}

/** Up to `max` of them, in document order. */
export function misfits(
  root: JsonSchema,
  value: unknown,
  { unknownFields = 'kept', formats = {}, max }: MisfitsOptions,
): readonly PlacedMisfit[] {
  const check = new SchemaCheck(root, unknownFields, formats, max);
  check.check(root, value);
  return check.found;
}

/** `root.children[2].name`; names with other characters stand in brackets: `atoms["a.b"]`. */
export function pathText(keys: Path): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`;
    if (!/^[\w$-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === '' ? key : `${path}.${key}`;
  }, '');
}

/** Names and nesting come from outside: a message that repeats them whole can be megabytes. */
export function shortPath(path: string): string {
  const ends = 80;
  if (path.length <= 2 * ends) return path;
  return `${path.slice(0, ends)}…${path.slice(-ends)}`;
}

class SchemaCheck {
  found: PlacedMisfit[] = [];
  readonly #root: JsonSchema;
  readonly #unknownFields: UnknownFields;
  readonly #formats: Formats;
  #max: number;
  readonly #path: (string | number)[] = [];
  #depth = 0;

  constructor(root: JsonSchema, unknownFields: UnknownFields, formats: Formats, max: number) {
    this.#root = root;
    this.#unknownFields = unknownFields;
    this.#formats = formats;
    this.#max = max;
  }

  check(schema: JsonSchema, value: unknown): void {
    if (this.#isFull) return;
    // nesting comes from outside: refuse it before the stack does
    if (this.#depth > 1_000) return this.#report('is nested too deeply');
    this.#depth++;
    this.#check(this.#resolved(schema), value);
    this.#depth--;
  }

  get #isFull(): boolean {
    return this.found.length >= this.#max;
  }

  #report(reason: string | undefined, what: PlacedMisfit['what'] = 'value'): void {
    if (reason !== undefined && !this.#isFull) this.found.push({ keys: [...this.#path], reason, what });
  }

  #inside(key: string | number, check: () => void): void {
    this.#path.push(key);
    check();
    this.#path.pop();
  }

  #fits(schema: JsonSchema, value: unknown): boolean {
    const { found } = this;
    const max = this.#max;
    this.found = [];
    this.#max = 1;
    this.check(schema, value);
    const fits = this.found.length === 0;
    this.found = found;
    this.#max = max;
    return fits;
  }

  #resolved(schema: JsonSchema): JsonSchema {
    const name = schema.$ref?.slice('#/$defs/'.length);
    return (name === undefined ? undefined : this.#root.$defs?.[name]) ?? schema;
  }

  #check(schema: JsonSchema, value: unknown): void {
    if (schema.notYet !== undefined) return this.#report(`is not supported yet: ${schema.notYet}`, 'key');
    if (schema.anyOf) return this.#checkAny(schema.anyOf, value, schema.description);
    const reason = schema.format === undefined ? undefined : this.#formats[schema.format]?.(value);
    if (reason !== undefined) return this.#report(reason);
    if (schema.const !== undefined && value !== schema.const)
      return this.#report(`must be ${JSON.stringify(schema.const)}`);
    if (schema.enum && !schema.enum.some((allowed) => allowed === value))
      return this.#report(`must be one of ${schema.enum.join(', ')}`);
    switch (schema.type) {
      case 'object':
        return this.#checkObject(schema, value);
      case 'array':
        return this.#checkArray(schema, value);
      case 'string':
        return this.#report(stringFault(schema, value));
      case 'integer':
        return this.#report(integerFault(schema, value));
      case 'number':
        return this.#report(typeof value === 'number' ? undefined : 'must be a number');
      case 'boolean':
        return this.#report(typeof value === 'boolean' ? undefined : 'must be true or false');
      case undefined:
        return undefined;
    }
  }

  /** What is told apart by `kind`, by what it must have or by being an object or list reports inside the form that was meant. */
  #checkAny(branches: readonly JsonSchema[], value: unknown, description?: string): void {
    const resolved = branches.map((branch) => this.#resolved(branch));
    const meant = formMeant(resolved, value);
    if (meant) return this.check(meant, value);
    const kinds = resolved.flatMap(({ properties }) => {
      const tag = properties?.['kind'];
      return tag ? [tag.const ?? '', ...(tag.enum ?? [])].filter((text) => text !== '') : [];
    });
    if (kinds.length > 0 && isObject(value))
      return this.#inside('kind', () => this.#report(`must be one of ${kinds.join(', ')}`));
    if (resolved.some((branch) => this.#fits(branch, value))) return;
    const forms = description === undefined ? '' : `: ${description}`;
    this.#report(`has none of the allowed forms${forms}`);
  }

  #checkObject(schema: JsonSchema, value: unknown): void {
    if (!isObject(value)) return this.#report(`must be an object${fieldsOf(schema)}`);
    for (const key of schema.required ?? [])
      if (!Object.hasOwn(value, key) || value[key] === undefined)
        this.#inside(key, () => this.#report('is missing', 'missing'));
    const keys = Object.keys(value);
    if (schema.minProperties !== undefined && keys.length < schema.minProperties)
      this.#report('must not be empty');
    if (schema.maxProperties !== undefined && keys.length > schema.maxProperties)
      this.#report(
        `must have no more than ${schema.maxProperties} key${schema.maxProperties === 1 ? '' : 's'}`,
      );
    for (const key of keys) {
      if (this.#isFull) return;
      if (value[key] !== undefined) this.#inside(key, () => this.#checkProperty(schema, key, value[key]));
    }
  }

  #checkProperty(schema: JsonSchema, key: string, part: unknown): void {
    if (schema.propertyNames) {
      const before = this.found.length;
      this.check(schema.propertyNames, key);
      const misfit = this.found[before];
      if (misfit) {
        this.found[before] = { ...misfit, reason: `has a name that ${misfit.reason}`, what: 'key' };
        return;
      }
    }
    const own = schema.properties;
    const isKnown = own !== undefined && Object.hasOwn(own, key);
    if (own && !isKnown && schema.additionalProperties === undefined && this.#unknownFields === 'refused')
      return this.#report(unknownReason(key, own), 'key');
    const rule = isKnown ? own[key] : schema.additionalProperties;
    if (rule) this.check(rule, part);
  }

  #checkArray(schema: JsonSchema, value: unknown): void {
    if (!Array.isArray(value)) return this.#report('must be an array');
    const items: readonly unknown[] = value;
    if (schema.minItems !== undefined && items.length < schema.minItems) this.#report('must not be empty');
    if (schema.uniqueItems === true && new Set(items).size < items.length)
      this.#report('must not repeat an item');
    const rule = schema.items;
    if (!rule) return;
    for (const [index, item] of items.entries()) {
      if (this.#isFull) return;
      this.#inside(index, () => this.check(rule, item));
    }
  }
}

function formMeant(branches: readonly JsonSchema[], value: unknown): JsonSchema | undefined {
  if (Array.isArray(value)) return only(branches.filter(({ type }) => type === 'array'));
  if (!isObject(value)) return undefined;
  const { kind } = value;
  const tagged = branches.find(({ properties }) => {
    const tag = properties?.['kind'];
    return (
      tag !== undefined && (tag.const === kind || tag.enum?.some((allowed) => allowed === kind) === true)
    );
  });
  if (tagged) return tagged;
  const shaped = branches.filter(
    ({ required = [] }) => required.length > 0 && required.every((key) => Object.hasOwn(value, key)),
  );
  if (shaped.length > 0) return only(shaped);
  const objects = branches.filter(({ type }) => type === 'object');
  return only(objects.filter(({ required = [] }) => required.length === 0)) ?? only(objects);
}

function only<T>(these: readonly T[]): T | undefined {
  return these.length === 1 ? these[0] : undefined;
}

function fieldsOf({ properties = {}, description }: JsonSchema): string {
  if (description !== undefined) return `: ${description}`;
  const fields = Object.keys(properties);
  return fields.length > 0 ? ` of ${fields.join(', ')}` : '';
}

function unknownReason(key: string, own: Readonly<Record<string, JsonSchema>>): string {
  // how far apart two names are takes the product of their lengths, and one is from outside
  const meant = key.length > 100 ? undefined : closest(key, Object.keys(own));
  const known = Object.keys(own).filter((name) => own[name]?.notYet === undefined);
  return `is not known here${meant === undefined ? `: there are ${known.join(', ')}` : `, did you mean ${meant}?`}`;
}

function stringFault(schema: JsonSchema, value: unknown): string | undefined {
  const { description } = schema;
  const wanted = (otherwise: string): string =>
    description === undefined ? `must ${otherwise}` : `must be ${description}`;
  if (typeof value !== 'string') return wanted('be a text');
  if (schema.maxLength !== undefined && value.length > schema.maxLength)
    return `must not be longer than ${schema.maxLength}`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
    return wanted(`match ${schema.pattern}`);
  return undefined;
}

function integerFault(schema: JsonSchema, value: unknown): string | undefined {
  if (!Number.isSafeInteger(value)) return 'must be a whole number';
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    return `must be at least ${schema.minimum}`;
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
