/** One task for each element of a list (section 9). */
import { type Failure, failureOf, type JsonValue } from '@baton/core';
import type { Templates } from '@baton/flow';
import { fault } from '../expression-error.js';
import { shown } from '../expression-values.js';
import type { Outcome } from '../protocol.js';
import { isTooLarge } from './data-size.js';
import { renderedValue } from './outcome.js';
import type { FanOut, Item, ItemVariables } from './routed-state.js';
import type { Place } from './surroundings.js';

/** C-913. */
const itemsMax = 10_000;
/** Of the failures of items, how many are told. */
const toldMax = 20;

/** The variables of each item; lists of several variables go in step. @throws ExpressionError for what is no list, or not as long */
export function itemsFor(place: Place, forEach: Templates): readonly ItemVariables[] {
  const lists = Object.entries(forEach).map(([name, template]): [string, readonly JsonValue[]] => {
    const list = renderedValue(place, template);
    return [
      name,
      Array.isArray(list)
        ? (list as JsonValue[])
        : fault(`of for-each ${name} gives ${shown(list)}, no list`),
    ];
  });
  const [[first = '', { length } = []] = []] = lists;
  for (const [name, list] of lists)
    if (list.length !== length)
      fault(`of for-each: ${first} has ${length} elements, ${name} has ${list.length}; they go in step`);
  if (length > itemsMax) fault(`of for-each has ${length} elements; at most ${itemsMax} are allowed`);
  return Array.from({ length }, (_, index) =>
    Object.fromEntries(lists.map(([name, list]) => [name, list[index] ?? null])),
  );
}

/** What a fan-out came to: the results in the order of the items, or which of them failed, and why. */
export function resultOf({ items, failed }: FanOut): Outcome {
  if (failed > 0)
    return {
      failure: failureOfItems(
        items.filter(({ state }) => state === 'FAILURE'),
        items.length,
      ),
    };
  const results: JsonValue[] = [];
  for (const { value, index } of items) {
    if (value !== undefined && !('data' in value)) return tooLarge(`the result of item ${index} is`);
    results.push(value?.data ?? null);
  }
  return isTooLarge(results)
    ? tooLarge('the results of all items together are')
    : { value: { data: results } };
}

/** Whatever is stored apart cannot be part of a list. */
function tooLarge(what: string): Outcome {
  const message = `${what} too large for one list: let items give less, or keep their results elsewhere`;
  return { failure: failureOf('TOO_LARGE', message, { phase: 'result', retryable: false }) };
}

function failureOfItems(items: readonly Item[], among: number): Failure {
  const told = items.slice(0, toldMax);
  const message = told.map(({ index, failure }) => `[${index}] ${failure?.message ?? ''}`).join('; ');
  const more = items.length > told.length ? `; and ${items.length - told.length} more` : '';
  return failureOf('ITEMS_FAILED', `${items.length} of ${among} items failed: ${message}${more}`, {
    details: { failed: items.map(({ index }) => index) },
    retryable: items.some(({ failure }) => failure?.retryable === true),
  });
}
