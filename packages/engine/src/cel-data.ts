import type { JsonValue } from '@baton/core';
import { celList, celMap, type CelValue } from '@bufbuild/cel';
import { fault } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';

/**
 * JSON data as an expression sees it: own keys only, numbers as doubles. O(values); done whole and once, as the library would copy an
 * object at each access.
 * @throws ExpressionError when the data are larger or deeper than `expressionLimits` allow.
 */
export function celData(data: JsonValue): CelValue {
  let left = expressionLimits.dataNodesMax;
  const converted = (value: JsonValue, depth: number): CelValue => {
    if (--left < 0) fault(`reads more than ${expressionLimits.dataNodesMax} values`);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > expressionLimits.dataDepthMax)
      fault(`reads data nested deeper than ${expressionLimits.dataDepthMax}`);
    if (!Array.isArray(value))
      return celMap(
        new Map(Object.entries(value).map(([key, part]) => [key, converted(part as JsonValue, depth + 1)])),
      );
    if (value.length > expressionLimits.listMax)
      fault(`reads a list longer than ${expressionLimits.listMax}`);
    return celList(value.map((element: JsonValue) => converted(element, depth + 1)));
  };
  return converted(data, 0);
}
