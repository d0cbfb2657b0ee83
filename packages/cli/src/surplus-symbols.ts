import { closest } from '@baton/core';
import { compile } from '@baton/engine';
import type { FlowDefinition } from '@baton/flow';

/** One line for each given symbol that nothing in the flow takes: mostly a slip of the pen beside an optional one. */
export function surplusSymbols(definition: FlowDefinition, given: readonly string[]): string[] {
  const taken = new Set<string>();
  for (const { execute, revert } of compile(definition).atoms.values())
    for (const { symbol } of [...execute, ...revert]) taken.add(symbol);
  return given
    .filter((symbol) => !taken.has(symbol))
    .map((symbol) => {
      const near = closest(symbol, [...taken]);
      return `nothing in flow ${definition.root.name} takes ${symbol}${near === undefined ? '' : `, did you mean ${near}?`}`;
    });
}
