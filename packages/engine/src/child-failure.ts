import { type Failure, failureOf, type FlowOutcome, type Value } from '@baton/core';

/** How a child run ended. */
export interface ChildEnd {
  readonly outcome: FlowOutcome;
  /** Of SUCCESS: its output, as one map. */
  readonly value?: Value;
  /** Of every other: why. */
  readonly failures: readonly Failure[];
}

/** Of its failures, how many characters of JSON are passed on; causes are left out first. */
const causesMax = 16 * 1024;

/** Why an activation failed, or could not be undone, whose child did: the failures of the child are its causes (C-1207). */
export function childFailure(
  { atom, flowId, name }: { readonly atom: string; readonly flowId: string; readonly name: string },
  { outcome, failures }: ChildEnd,
  phase: 'execute' | 'revert' = 'execute',
): Failure {
  const why = failures.map(({ message }) => message).join('; ') || `it ended ${outcome}`;
  const details = { flowId, outcome };
  const failure = failureOf('CHILD_FAILED', `flow ${name}: ${why}`, { phase, atom, details });
  const causes = causesOf(failures);
  return {
    ...failure,
    retryable: failures.some(({ retryable }) => retryable),
    ...(causes.length > 0 && { causes }),
  };
}

function causesOf(failures: readonly Failure[]): readonly Failure[] {
  const causes: Failure[] = [];
  let room = causesMax;
  for (const { stack: _stack, ...failure } of failures) {
    const { causes: _causes, details: _details, ...bare } = failure;
    const fitting = [failure, bare].find((cause) => JSON.stringify(cause).length <= room);
    if (!fitting) break;
    room -= JSON.stringify(fitting).length;
    causes.push(fitting);
  }
  return causes;
}
