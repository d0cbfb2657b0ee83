import type { StandardSchemaV1 } from '@standard-schema/spec';

/** Parameter → schema: the one place of names, types and validation (S2). */
export type Shape = Readonly<Record<string, StandardSchemaV1>>;

/** What must be given. */
export type InputOf<S extends Shape> = { [K in keyof S]: StandardSchemaV1.InferInput<S[K]> };
/** What the task gets. */
export type OutputOf<S extends Shape> = { [K in keyof S]: StandardSchemaV1.InferOutput<S[K]> };

/** A type without a check at run time. */
export function type<T>(): StandardSchemaV1<T> {
  return { '~standard': { version: 1, vendor: 'baton', validate: (value) => ({ value: value as T }) } };
}
