/** What one record comes to in one mode. */
import { codeOf } from '@baton/core';
import { difference, text, type Difference } from './difference.js';
import { invariantViolation } from './invariants.js';
import { play, type Played } from './playback.js';
import { refusedOf } from './refused.js';
import type { RecordedRun } from './scenario.js';

/** Not yet: `parallel`, the loose comparison with a really concurrent driver. */
export const modes = ['strict', 'exact', 'lazy', 'crash'] as const;
export type Mode = (typeof modes)[number];

export interface Verdict {
  readonly difference?: Difference;
  /** Tags for which the record is not compared, only checked against the invariants. */
  readonly refused: readonly string[];
}

export function judge(record: RecordedRun, mode: Mode): Verdict {
  const refused = refusedOf(record);
  const found = refused.length > 0 ? violation(record) : compared(record, mode);
  return { refused, ...(found && { difference: found }) };
}

function violation(record: RecordedRun): Difference | undefined {
  try {
    const { compiled, phases } = play(record);
    return invariantViolation(compiled, phases);
  } catch (error) {
    return thrown(error, 'the invariants hold');
  }
}

function compared(record: RecordedRun, mode: Mode): Difference | undefined {
  const { error } = record.expected;
  try {
    const played = play(record, mode === 'lazy' ? { kind: 'forget' } : { kind: 'keep' });
    if (error) return { where: error.stage, expected: text(error.failures), got: 'a flow' };
    const known = played.refusedAt === undefined ? record : upTo(record, played.refusedAt);
    const found =
      difference(known, played.phases, mode === 'exact' ? 'exact' : 'strict') ??
      invariantViolation(played.compiled, played.phases);
    return found ?? (mode === 'crash' ? cutDifference(record, played) : undefined);
  } catch (problem) {
    if (error && codeOf(problem)?.startsWith('BATON_DEFINITION_') === true)
      return wrongError(error, codeOf(problem) ?? '');
    return thrown(problem, error ? text(error.failures) : 'an end');
  }
}

/** From where Baton refuses to run a half undone flow again, there is nothing to compare (E-1310). */
function upTo(record: RecordedRun, phase: number): RecordedRun {
  return { ...record, expected: { ...record.expected, phases: record.expected.phases.slice(0, phase) } };
}

/** Types of TaskFlow's errors → what Baton calls them (E-1217); for a graph that feeds its own retry see E-225. */
const codes: Readonly<Record<string, readonly string[]>> = {
  AmbiguousDependency: ['BATON_DEFINITION_AMBIGUOUS_DEPENDENCY'],
  DependencyFailure: ['BATON_DEFINITION_CYCLE'],
  Duplicate: ['BATON_DEFINITION_DUPLICATE_ATOM'],
  TypeError: ['BATON_DEFINITION_RETRY_NEEDS_OWN_FLOW'],
  // an argument nobody takes, a depth nobody knows, the same atom in two places (E-111, E-226, E-207)
  ValueError: ['BATON_DEFINITION_BINDING', 'BATON_DEFINITION_INVALID', 'BATON_DEFINITION_DUPLICATE_ATOM'],
};

function wrongError(
  { stage, failures }: { readonly stage: string; readonly failures: readonly unknown[] },
  code: string,
): Difference | undefined {
  const type = (failures[0] as { readonly $failure?: string } | undefined)?.$failure ?? '';
  return codes[type]?.includes(code) === true ? undefined : { where: stage, expected: type, got: code };
}

/** The run is cut after every entry: the same end, the same trace, and nothing that was known to be done is done again. */
function cutDifference(record: RecordedRun, whole: Played): Difference | undefined {
  for (let after = 1; after <= whole.entries; after++) {
    const cut = play(record, { kind: 'cut', after });
    const where = `cut after entry ${after}`;
    if (cut.repeated.length > 0)
      return { where, expected: 'nothing twice', got: text(cut.repeated), rule: 'E-1331' };
    // failures handed to a revert that is asked for again are those of now (FORMAT 4.1: advisory)
    const uncut = { ...record, expected: { ...record.expected, tags: [], phases: whole.phases } };
    const found = difference(uncut, cut.phases, 'strict');
    if (found) return { ...found, where: `${where}: ${found.where}`, rule: 'E-1331' };
  }
  return undefined;
}

function thrown(error: unknown, expected: string): Difference {
  return {
    where: 'threw',
    expected,
    got: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
