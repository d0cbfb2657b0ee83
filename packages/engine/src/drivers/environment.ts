import { type Environment, InputError, type JsonValue, valueLimits } from '@baton/core';
import { encodeUserValue, literalTemplate } from '@baton/flow';
import { ExpressionError } from '../expression-error.js';
import { isTooLarge } from '../routed/data-size.js';
import { Templates } from '../routed/templates.js';

export interface EnvironmentOptions {
  /** Read by expressions of a routed flow as `env`; of an ordered one by nobody. JSON data of up to 16 KiB, with `${…}` in its texts. */
  readonly env?: object;
  /** False: `${…}` in it is text. Default true: it is evaluated once, when the run starts; it may read `env` as given, inputs and `run`. */
  readonly evaluateEnv?: boolean;
}

/**
 * The environment as it is kept with a run; undefined: none is given.
 * @throws InputError `BATON_INPUT_INVALID` with the place of what is no data, and of an expression that is none; `BATON_INPUT_TOO_LARGE`
 */
export function storableEnvironment({
  env,
  evaluateEnv = true,
}: EnvironmentOptions): Environment | undefined {
  if (env === undefined) return undefined;
  if (typeof env !== 'object' || (env as unknown) === null || Array.isArray(env))
    throw invalid('must be an object');
  const encoded = encodeUserValue(env, 'env');
  if ('problem' in encoded) throw invalid(`takes JSON data: ${encoded.problem}`);
  if (!('data' in encoded.value)) throw invalid('takes JSON data, and got bytes');
  const data = encoded.value.data as Environment;
  checkSize(data);
  if (!evaluateEnv) return literalTemplate(data) as Environment;
  for (const [name, value] of Object.entries(data)) checkExpressions(name, value);
  return data;
}

function checkSize(env: Environment): void {
  const { environmentBytesMax: max } = valueLimits;
  if (isTooLarge(env, max))
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `env has more than ${max} bytes as JSON: give large values as inputs, or references to them`,
    );
}

function checkExpressions(name: string, value: JsonValue): void {
  try {
    new Templates().check(value);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw invalid(`.${name}: ${error.message}; for the text itself set evaluateEnv to false, or write $\${`);
  }
}

function invalid(reason: string): InputError {
  return new InputError('BATON_INPUT_INVALID', reason.startsWith('.') ? `env${reason}` : `env ${reason}`);
}
