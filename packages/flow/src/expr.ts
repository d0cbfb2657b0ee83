import type { ExpressionDefinition } from './definition.js';

/**
 * A CEL expression, for deciders (`link(smoke, publish, { decider: expr('smoke.ok') })`) and `retry.custom`. It is data, so the flow
 * can be posted; it is checked when the flow is posted, validated or run.
 */
export function expr(source: string): ExpressionDefinition {
  return Object.freeze({ expr: source });
}
