import { readFileSync } from 'node:fs';
import { InputError } from '@baton/core';
import type { JsonValue } from '@baton/core';

/** What encodes and checks values goes down into them by calls: deeper ones would end its stack. */
const DEPTH_MAX = 512;

/**
 * Symbols from `--store @file`, `--store -` or `--store JSON`, overridden by each `--set name=value` (JSON where it parses, else text).
 * @throws InputError
 */
export function storeValues(
  store: string | undefined,
  sets: readonly string[] = [],
): Record<string, JsonValue> {
  const values = store === undefined ? {} : parseStore(store);
  for (const set of sets) {
    const at = set.indexOf('=');
    if (at < 1)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `--set must look like name=value, got ${JSON.stringify(set)}`,
      );
    values[set.slice(0, at)] = parseValue(set.slice(at + 1));
  }
  for (const [symbol, value] of Object.entries(values))
    if (isDeeperThan(DEPTH_MAX, value))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `store value ${JSON.stringify(symbol)} is nested more than ${DEPTH_MAX} deep`,
      );
  return values;
}

function isDeeperThan(depthMax: number, value: JsonValue): boolean {
  let level: readonly JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const groups = level.filter((item) => typeof item === 'object' && item !== null);
    if (groups.length > 0 && depth >= depthMax) return true;
    level = groups.flatMap((group): readonly JsonValue[] => Object.values(group as object) as JsonValue[]);
  }
  return false;
}

function parseStore(store: string): Record<string, JsonValue> {
  const text =
    store === '-' ? readFileSync(0, 'utf8') : store.startsWith('@') ? readText(store.slice(1)) : store;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      '--store is not JSON: give a JSON object, @FILE, or - for standard input',
      {
        cause,
      },
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new InputError('BATON_INPUT_INVALID', '--store must be a JSON object: symbol → value');
  return { ...(parsed as Record<string, JsonValue>) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError('BATON_INPUT_INVALID', `store file ${file} cannot be read`, { cause });
  }
}

function parseValue(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
