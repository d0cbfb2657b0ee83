import { durationMs, type Duration, type JsonValue } from '@baton/core';
import { backoffOptions, checkOptions, retryArguments, retryOptions, tableOf } from './builder-options.js';
import type { BackoffDefinition, ExpressionDefinition, RetryDefinition, RetryKind } from './definition.js';

declare const types: unique symbol;

/** A retry controller of a flow; `R` what it requires, `P` what it provides to the atoms of its flow. */
export interface Retry<in out R extends object = {}, in out P extends object = {}> {
  readonly [types]?: { readonly requires: (requires: R) => R; readonly provides: (provides: P) => P };
  readonly definition: RetryDefinition;
}

export interface Backoff {
  readonly initial: Duration;
  readonly max?: Duration;
  /** Spread each delay over 50 to 100 %. */
  readonly jitter?: boolean;
}

/** Delays before another round, for the `backoff` of a retry. */
export const backoff = {
  constant: (options: Omit<Backoff, 'max'>): BackoffDefinition => delays('constant', options),
  linear: (options: Backoff): BackoffDefinition => delays('linear', options),
  exponential: (options: Backoff): BackoffDefinition => delays('exponential', options),
};

interface Common<K extends string | undefined> {
  /** Default: `<flow>_retry`. */
  readonly name?: string;
  /** Symbol for what it provides in each round. */
  readonly provides?: K;
  readonly priority?: number;
}

interface Repeating<K extends string | undefined> extends Common<K> {
  /** Give up by reverting everything instead of asking the controller around. */
  readonly revertAll?: boolean;
  readonly backoff?: BackoffDefinition;
}

type Named<K, V> = K extends string ? { [X in K]: V } : {};

/**
 * What a flow does when one of its atoms fails (engine.md section 6).
 * @throws DefinitionError `BATON_DEFINITION_INVALID` for an option there is not, or that is not as described here; so does `backoff`.
 */
export const retry = {
  /** Leaves the decision to the controller around; without one everything is reverted. */
  alwaysRevert: (options: Omit<Common<undefined>, 'provides'> = {}): Retry => made('alwaysRevert', options),

  /** Reverts the whole flow, whatever is around. */
  alwaysRevertAll: (options: Omit<Common<undefined>, 'provides'> = {}): Retry =>
    made('alwaysRevertAll', options),

  /** Runs its flow up to `attempts` times in all; provides the number of the attempt. `on`: only for failures of these types. */
  times: <const K extends string | undefined = undefined>(
    attempts: number,
    options: Repeating<K> & { readonly on?: readonly string[] } = {},
  ): Retry<{}, Named<K, number>> => made('times', options, { attempts }),

  /** Runs its flow once for each value until one succeeds; provides the value. */
  forEach: <V extends JsonValue, const K extends string | undefined = undefined>(
    values: readonly V[],
    options: Repeating<K> = {},
  ): Retry<{}, Named<K, V>> => made('forEach', options, { values }),

  /** The same with the values of a symbol. */
  parameterizedForEach: <
    const F extends string,
    V = JsonValue,
    const K extends string | undefined = undefined,
  >(
    options: Repeating<K> & { readonly values: F },
  ): Retry<{ [X in F]: readonly V[] }, Named<K, V>> => made('parameterizedForEach', options),

  /**
   * Decides by an expression that gives `"RETRY"`, `"REVERT"` or `"REVERT_ALL"`. It reads `attempt` (runs so far), `failure` (`type`,
   * `types`, `code`, `message`, `atom`, `phase`, `retryable`), `history` (of each run the `value` and the `failures` by atom), and
   * `args`, the symbols in `requires`. Provides the number of the attempt.
   */
  custom: <const S extends string = never, const K extends string | undefined = undefined>(
    onFailure: ExpressionDefinition,
    options: Omit<Repeating<K>, 'revertAll'> & { readonly requires?: readonly S[] } = {},
  ): Retry<{ [X in S]: JsonValue }, Named<K, number>> => made('custom', options, { onFailure }),
};

interface AnyOptions extends Repeating<string | undefined> {
  readonly values?: string;
  readonly on?: readonly string[];
  readonly requires?: readonly string[];
}

/** `given`: what stands before the options, all of it required. */
function made(
  kind: RetryKind,
  options: AnyOptions,
  given: Pick<RetryDefinition, keyof typeof retryArguments> = {},
): { readonly definition: RetryDefinition } {
  checkOptions(`retry.${kind}`, retryOptions[kind], options);
  checkOptions(`retry.${kind}`, tableOf(retryArguments, Object.keys(given)), given);
  const { provides, values, ...rest } = options;
  return Object.freeze({
    definition: {
      kind,
      ...rest,
      ...given,
      ...(values !== undefined && { requires: ['values'], rebind: { values } }),
      ...(provides !== undefined && { provides: { [provides]: null } }),
    },
  });
}

function delays(kind: BackoffDefinition['kind'], options: Backoff): BackoffDefinition {
  checkOptions(`backoff.${kind}`, backoffOptions[kind], options);
  const { initial, max, jitter } = options;
  return {
    kind,
    initialMs: durationMs(initial),
    ...(max !== undefined && { maxMs: durationMs(max) }),
    ...(jitter !== undefined && { jitter }),
  };
}
