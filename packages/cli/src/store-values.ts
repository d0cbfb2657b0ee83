import { readFileSync } from 'node:fs';
import { InputError } from '@baton/core';
import type { JsonValue } from '@baton/core';

/**
 * Symbols from `--store @file`, `--store -` or `--store JSON`, overridden by each `--set name=value` (JSON where it parses, else text).
 * @throws InputError, also for a number that would not be stored as it was typed
 */
export function storeValues(
  store: string | undefined,
  sets: readonly string[] = [],
): Record<string, JsonValue> {
  const values = store === undefined ? {} : { ...jsonMap('--store', store) };
  for (const set of sets) {
    const at = set.indexOf('=');
    if (at < 1)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `--set must look like name=value, got ${JSON.stringify(set)}`,
      );
    const [name, text] = [set.slice(0, at), set.slice(at + 1)];
    const value = parseValue(text);
    if (typeof value === 'number' && String(value) !== text.trim()) throw otherNumber(name, text, value);
    values[name] = value;
  }
  return values;
}

export const environmentFlag =
  'environment: what expressions of a routed flow read as env; a name stands for one of `environment set`';

/** `--env` of a post: the name of an environment, or a map as JSON, `@file`, or `-`. @throws InputError */
export function environmentOf(given: string): string | Readonly<Record<string, JsonValue>> {
  return /^[\w-]+$/.test(given) && given !== '-' ? given : jsonMap('--env', given);
}

/** As `jsonValue`, an object. @throws InputError */
export function jsonMap(option: string, given: string): Readonly<Record<string, JsonValue>> {
  const parsed = jsonValue(option, given);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new InputError('BATON_INPUT_INVALID', `${option} must be a JSON object: name → value`);
  return parsed as Readonly<Record<string, JsonValue>>;
}

/**
 * What an option gives as JSON, as `@file`, or as `-` for standard input.
 * @throws InputError
 */
export function jsonValue(option: string, given: string): JsonValue {
  const text =
    given === '-'
      ? readFileSync(0, 'utf8')
      : given.startsWith('@')
        ? readText(option, given.slice(1))
        : given;
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${option} is not JSON: give JSON, @FILE, or - for standard input`,
      { cause },
    );
  }
}

function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError('BATON_INPUT_INVALID', `${option}: the file ${file} cannot be read`, { cause });
  }
}

/** An id with too many digits, a version that ends in 0: neither was meant as that number. */
function otherNumber(name: string, text: string, number: number): InputError {
  return new InputError(
    'BATON_INPUT_INVALID',
    `--set ${name}=${text} would store the number ${number}: write that, or --set '${name}="${text}"' for the text`,
  );
}

function parseValue(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
