import { type JsonValue, valueLimits } from '@baton/core';
import { ExpressionError } from '../expression-error.js';

const max = valueLimits.payloadBytesMax;

/** @throws ExpressionError `TOO_LARGE` */
export function checkSize(data: JsonValue, what: string): void {
  if (isTooLarge(data))
    throw new ExpressionError(`${what} has more than ${max} bytes as JSON`, undefined, 'TOO_LARGE');
}

/**
 * What an activation is given or leaves goes into one document of the journal, so its size has a limit (C-715). Looks at no more of the
 * data than that: what expressions put together may hold one large value a thousand times.
 */
export function isTooLarge(data: JsonValue, bytesMax: number = max): boolean {
  const rest: JsonValue[] = [data];
  let bytes = 0;
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (typeof part === 'string') bytes += bytesOf(part) + 3;
    else if (typeof part !== 'object' || part === null) bytes += 8;
    else {
      const parts = Object.entries(part);
      bytes += parts.length * 2;
      for (const [key, value] of parts) {
        if (!Array.isArray(part)) bytes += key.length * 2;
        rest.push(value as JsonValue);
      }
    }
    if (bytes > bytesMax) return true;
  }
  return false;
}

/** In UTF-8, or a little more. */
function bytesOf(text: string): number {
  return /[^ -~]/.test(text) ? text.length * 3 : text.length;
}
