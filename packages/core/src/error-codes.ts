/** What a person needs to act on an error: why it happens, how to make sure, what to do. */
export interface ErrorDoc {
  readonly cause: string;
  readonly check: string;
  readonly remedy: string;
}

/**
 * Every code Baton throws. The page `packages/core/ERRORS.md` is generated from this table and compared in a test, so
 * a code cannot exist without its cause, check and remedy. The prefix is the family (see `errors.ts`).
 */
export const errorCodes = {
  BATON_INPUT_INVALID: {
    cause: 'An option, flag or argument has a value that is not allowed.',
    check: 'The message names the option and the value.',
    remedy: 'Give one of the allowed values.',
  },
  BATON_INPUT_TOO_LARGE: {
    cause: 'A value, posting or message is larger than its limit.',
    check: 'The message names the size, the limit and what was too large.',
    remedy:
      'Store the data elsewhere and pass a reference, or raise payload.max (at most 512 KiB by default).',
  },
  BATON_INPUT_MALFORMED: {
    cause: 'Bytes that came from outside could not be decoded.',
    check: 'The message names the reader and the first reason.',
    remedy: 'Check that both sides run compatible versions; a foreign producer may write to a Baton topic.',
  },
  BATON_INPUT_UNSUPPORTED: {
    cause: 'A message is of a protocol version or a kind that this version of Baton does not know.',
    check: 'The message names what was found and what is known; `baton cluster members` shows the versions.',
    remedy: 'Finish the rolling upgrade, or bring the newer member back to the version of the others.',
  },
  BATON_DEFINITION_INVALID: {
    cause: 'A flow definition does not have the documented shape.',
    check: 'The message names the path inside the definition.',
    remedy: 'Build the flow with @baton/flow, or compare it with the published schema.',
  },
  BATON_NOT_FOUND_NODE: {
    cause: 'A node of the jobboard does not exist (any more).',
    check: 'The message names the path.',
    remedy: 'Usually somebody else settled or removed it first; list again.',
  },
  BATON_NOT_FOUND_JOB: {
    cause: 'No job of this id is known.',
    check: '`baton job list` shows the known jobs.',
    remedy: 'Check the id and that you look at the right board and cluster.',
  },
  BATON_NOT_FOUND_DOCUMENT: {
    cause: 'A document that a journal entry refers to (a definition or a payload) is not in the store.',
    check: 'The message names the collection and the id.',
    remedy: 'The store may have been restored from an older backup than the jobboard; post the job again.',
  },
  BATON_CONFLICT_NODE_EXISTS: {
    cause: 'A node of the jobboard exists already.',
    check: 'The message names the path.',
    remedy: 'Somebody else was first; look again.',
  },
  BATON_CONFLICT_BAD_VERSION: {
    cause: 'A node changed between reading and writing.',
    check: 'The message names the path.',
    remedy: 'Read again and decide again.',
  },
  BATON_CONFLICT_NOT_EMPTY: {
    cause: 'A node that still has children cannot be removed.',
    check: 'The message names the path.',
    remedy: 'Remove the children first.',
  },
  BATON_CONFLICT_CLAIMED: {
    cause: 'The job is owned already.',
    check: '`baton job get ID` shows the owner.',
    remedy: 'None needed: its owner runs it.',
  },
  BATON_CONFLICT_CLAIM_LOST: {
    cause: 'The claim under which an operation was tried is over.',
    check: '`baton job get ID` shows the present owner.',
    remedy: 'None needed: the present owner runs the job.',
  },
  BATON_CONFLICT_FENCED: {
    cause: 'Another owner has written to the journal of this flow since.',
    check: 'The message names the flow, the sequence number and both fences.',
    remedy: 'None needed: the writer stops and the present owner goes on.',
  },
  BATON_CONFLICT_KEY_REUSED: {
    cause: 'A job with this key exists and has other content.',
    check: '`baton job get KEY` shows what was posted.',
    remedy: 'Use another key, or post exactly the same content.',
  },
  BATON_CONFLICT_SERVER_RUNNING: {
    cause: 'Another embedded server uses this database file or listens on this socket or port already.',
    check: 'The message names the file or the address.',
    remedy: 'Use the running one, stop it, or give this one another file and address.',
  },
  BATON_CONFLICT_SCHEMA_NEWER: {
    cause: 'The store was written by a newer version of Baton than this one.',
    check: 'The message names both schema versions.',
    remedy: 'Run the newer version on this member too.',
  },
  BATON_CONFLICT_OTHER_CLUSTER: {
    cause: 'The store belongs to another cluster than the jobboard.',
    check: 'The message names both cluster ids.',
    remedy: 'Correct the address or the name of the database, or the root of the jobboard.',
  },
  BATON_UNAVAILABLE_DISCONNECTED: {
    cause: 'There is no connection to a service at the moment; nothing was sent.',
    check: '`baton cluster doctor` tells which service is not reachable.',
    remedy: 'Start the service or correct its address; the operation can be repeated.',
  },
  BATON_UNAVAILABLE_OUTCOME_UNKNOWN: {
    cause:
      'The connection was lost, or a deadline passed, after a request was sent and before its answer came.',
    check: 'Read what the operation would have changed.',
    remedy: 'Repeat only what is idempotent; Baton does so by itself.',
  },
  BATON_UNAVAILABLE_SESSION_LOST: {
    cause: 'The session with the jobboard is over (expired, closed, or silent for the whole timeout).',
    check: 'The log line of the loss names the reason.',
    remedy: 'None needed: a new session is opened and jobs are claimed afresh.',
  },
  BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE: {
    cause: 'A position of a partition does not exist (any more).',
    check: 'The message names topic, partition and position.',
    remedy: 'Raise the retention of the topic if this happens in normal operation.',
  },
  BATON_UNAVAILABLE_REFUSED: {
    cause: 'A service refused an operation for a reason that is not about the data.',
    check: 'The message repeats what the service said.',
    remedy: 'Look into the log of the service.',
  },
  BATON_UNAVAILABLE_DEADLINE: {
    cause: 'An operation did not end before its deadline.',
    check: 'The message names the operation and the deadline.',
    remedy: 'Look at the health of the service it waits for, or allow more time.',
  },
  BATON_INVARIANT_UNREACHABLE: {
    cause: 'A place was reached that the code holds for impossible.',
    check: 'The report names the value.',
    remedy: 'Please report it with the log.',
  },
  BATON_INVARIANT_TRANSITION: {
    cause: 'A state change outside the transition tables was tried.',
    check: 'The report names atom or flow, both states and the journal position.',
    remedy: 'Please report it with `baton job get ID -o json`.',
  },
} as const satisfies Record<string, ErrorDoc>;

export type ErrorCode = keyof typeof errorCodes;
type OfFamily<P extends string> = Extract<ErrorCode, `BATON_${P}_${string}`>;
export type InputCode = OfFamily<'INPUT'>;
export type DefinitionCode = OfFamily<'DEFINITION'>;
export type NotFoundCode = OfFamily<'NOT_FOUND'>;
export type ConflictCode = OfFamily<'CONFLICT'>;
export type UnavailableCode = OfFamily<'UNAVAILABLE'>;
export type InvariantCode = OfFamily<'INVARIANT'>;
