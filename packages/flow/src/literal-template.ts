import type { JsonValue } from '@baton/core';

/** A template that gives the data as they are: in one, `${` is written `$${`. */
export function literalTemplate(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${');
  if (Array.isArray(value)) return value.map((item: JsonValue) => literalTemplate(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, literalTemplate(part)]));
}
