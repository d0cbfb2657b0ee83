/** Retry controllers of a document. */
import type { ExpressionDefinition, RetryDefinition } from '../definition.js';
import type { Path } from '../schema-check.js';
import type { Compiling, ControllerPart } from './document.js';
import { inputsOf, msOf, present, providesOf } from './short-forms.js';

/** A number is that of runs in all. */
export function retryOf(
  { problems, expressions }: Compiling,
  part: number | ControllerPart,
  path: Path,
): RetryDefinition {
  if (typeof part === 'number') return { kind: 'times', attempts: part };
  const forms = (Object.keys(retryKinds) as (keyof typeof retryKinds)[]).filter((key) =>
    Object.hasOwn(part, key),
  );
  const [form, ...more] = forms;
  if (form === undefined || more.length > 0)
    problems.add(
      path,
      `must have one of ${Object.keys(retryKinds).join(', ')}${more.length > 0 ? `, and has ${forms.join(' and ')}` : ''}`,
    );
  const { decide, 'for-each-of': symbolOfValues } = part;
  const reason = decide === undefined ? undefined : expressions?.decision(decide);
  if (reason !== undefined) problems.add([...path, 'decide'], reason);
  const taken = inputsOf(part);
  const values = symbolOfValues === undefined ? {} : { values: symbolOfValues };
  const rebind = { ...taken.rebind, ...values };
  return {
    kind: retryKinds[form ?? 'times'],
    ...taken,
    ...(symbolOfValues !== undefined && { requires: [...new Set(['values', ...(taken.requires ?? [])])] }),
    ...(Object.keys(rebind).length > 0 && { rebind }),
    ...present({
      name: part.name,
      inject: part.inject,
      provides: part.provides === undefined ? undefined : providesOf(part.provides),
      revertInputs: part['revert-inputs'] && inputsOf(part['revert-inputs']),
      priority: part.priority,
      attempts: part.times,
      values: part['for-each'],
      onFailure: decide === undefined ? undefined : ({ expr: decide } satisfies ExpressionDefinition),
      revertAll: part['revert-all'],
      on: part.on,
      backoff: part.backoff === undefined ? undefined : backoffOf(part.backoff),
    }),
  };
}

const retryKinds = {
  times: 'times',
  'for-each': 'forEach',
  'for-each-of': 'parameterizedForEach',
  decide: 'custom',
  'always-revert': 'alwaysRevert',
  'always-revert-all': 'alwaysRevertAll',
} as const;

function backoffOf(part: NonNullable<ControllerPart['backoff']>): NonNullable<RetryDefinition['backoff']> {
  if (typeof part !== 'object') return { kind: 'constant', initialMs: msOf(part) ?? 0 };
  const { kind = 'exponential', initial, max, jitter } = part;
  return { kind, initialMs: msOf(initial) ?? 0, ...present({ maxMs: msOf(max), jitter }) };
}
