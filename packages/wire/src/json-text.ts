import { InputError, type JsonValue } from '@baton/core';
import { wireLimits } from './limits.js';
import { malformed } from './malformed.js';

/** @throws InputError `BATON_INPUT_INVALID` for what JSON cannot say (`undefined`, a cycle, a bigint). */
export function stringifyJson(data: JsonValue): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new InputError('BATON_INPUT_INVALID', `a value cannot be written as JSON: ${String(cause)}`, {
      cause,
    });
  }
  if (text === undefined) throw new InputError('BATON_INPUT_INVALID', 'a value cannot be written as JSON');
  if (deeperThan(text, wireLimits.jsonDepthMax))
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `a value nests deeper than ${wireLimits.jsonDepthMax} levels`,
    );
  return text;
}

/** @throws InputError `BATON_INPUT_MALFORMED` for what is not JSON, or nests so deep that its readers would overflow. */
export function parseJson(text: string, where: string): JsonValue {
  if (deeperThan(text, wireLimits.jsonDepthMax)) throw malformed(`${where} nests too deep`);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw malformed(`${where} is not JSON`, cause);
  }
}

/** Scans only texts long enough to be so deep: nearly all values are shorter. */
function deeperThan(text: string, max: number): boolean {
  if (text.length <= 2 * max) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > max) return true;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return false;
}
