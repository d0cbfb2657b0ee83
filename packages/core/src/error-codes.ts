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
    remedy: 'Correct what the message names; `baton --help` and `baton config show` tell what there is.',
  },
  BATON_INPUT_TOO_LARGE: {
    cause: 'A value, posting or message is larger than its limit.',
    check: 'The message names the size, the limit and what was too large.',
    remedy: 'Store the data elsewhere and pass a reference to it.',
  },
  BATON_INPUT_MALFORMED: {
    cause: 'Bytes that came from outside could not be decoded.',
    check: 'The message names the reader and the first reason.',
    remedy: 'Give what the message asks for; between members, check that both run compatible versions.',
  },
  BATON_INPUT_UNSUPPORTED: {
    cause: 'A message is of a protocol version or a kind that this version of Baton does not know.',
    check:
      'The message names what was found and what is known; `baton cluster status -o json` shows the versions.',
    remedy: 'Finish the rolling upgrade, or bring the newer member back to the version of the others.',
  },
  BATON_INPUT_UNAUTHENTICATED: {
    cause: 'A request to the HTTP API carries no token that is known and still valid.',
    check: '`baton config show` names the settings of the API; its log has the request.',
    remedy:
      'Send `authorization: Bearer TOKEN`; `baton api token NAME` makes a token and its line for http.tokens.',
  },
  BATON_INPUT_FORBIDDEN: {
    cause:
      'Who asked may not do that: the role of the token is too low, or a web page of another origin asks.',
    check: 'The message names the role that is needed, or the origin.',
    remedy: 'Use a token of that role; without tokens, ask from the machine itself and not from a web page.',
  },
  BATON_INPUT_EXPOSED: {
    cause: 'The HTTP API was told to listen where other machines reach it, without tokens or without TLS.',
    check: 'The message names the address and what is missing.',
    remedy:
      'Set http.tokens and http.tls_cert with http.tls_key, or `--insecure` where something in front of it does TLS; or listen on 127.0.0.1.',
  },
  BATON_INPUT_NO_DELEGATE_KEYS: {
    cause:
      'A task is to ask for the answer of a delegate by a link, and the conductor has no key to make one. The attempt fails.',
    check: '`baton config show` where the conductor runs: delegate.keys is not set.',
    remedy:
      'Set delegate.keys for conductors and for the API, the same for all; `openssl rand -hex 32` prints a key.',
  },
  BATON_DEFINITION_INVALID: {
    cause: 'A flow definition, or an option of what builds one, does not have the documented shape.',
    check: 'The message names the option, or the path inside the definition.',
    remedy: 'Compare it with the options in the README of @baton/flow, or with the schema of flow JSON.',
  },
  BATON_DEFINITION_DOCUMENT: {
    cause: 'A YAML document is no flow.',
    check:
      'Each line of the message names file, line, column, the path in the document, the value, and what is wrong with it.',
    remedy:
      'Correct what the lines name; `baton flow schema` prints the keys there are, and the README of @baton/flow what they mean.',
  },
  BATON_DEFINITION_DUPLICATE_TASK: {
    cause: 'A worker was given two tasks of the same name and version.',
    check: 'The message names the task and the version.',
    remedy: 'Rename one of them, or raise the version of the newer one.',
  },
  BATON_DEFINITION_DUPLICATE_ATOM: {
    cause: 'Two atoms of one flow have the same name; the name ties an atom to its record.',
    check: 'The message names the atom.',
    remedy: 'Rename one of them, or use `task.as(name)` to use a task twice.',
  },
  BATON_DEFINITION_CYCLE: {
    cause: 'The links of a graph form a cycle.',
    check: 'The message names the link that closes it.',
    remedy: 'Remove a link, or a requirement that made one automatically.',
  },
  BATON_DEFINITION_AMBIGUOUS_DEPENDENCY: {
    cause: 'Several nodes of a graph provide a symbol that a new node requires.',
    check: 'The message names the symbol, the node and the providers.',
    remedy: 'Rename one of the provided symbols, or bind the requirement with `rebind`.',
  },
  BATON_DEFINITION_RETRY_NEEDS_OWN_FLOW: {
    cause:
      'A retry controller requires a symbol that its own flow provides, but it runs before every atom of that flow.',
    check: 'The message names the symbol, the retry and the provider.',
    remedy: 'Provide the symbol before the flow, or give it in the store.',
  },
  BATON_DEFINITION_MISSING_REQUIREMENT: {
    cause: 'An atom requires symbols that nothing before it provides and that are not in the store.',
    check:
      'The message lists each atom with its missing symbols, and who provides them where they cannot be seen.',
    remedy: 'Give the symbols in the store, or let an earlier atom provide them.',
  },
  BATON_DEFINITION_BINDING: {
    cause: 'A rebind names a parameter that the atom does not have, or has more entries than parameters.',
    check: 'The message names the atom and the parameter.',
    remedy: 'Correct the name, or declare the parameter in `requires` or `optional`.',
  },
  BATON_DEFINITION_UNKNOWN_NODE: {
    cause: 'A link joins a node that is not part of the graph.',
    check: 'The message names the graph and the node.',
    remedy: 'Add both nodes to the graph before linking them.',
  },
  BATON_DEFINITION_ROUTE: {
    cause:
      'A routed flow cannot be followed: no atom to start with, an atom with the name of a command, a join that can never be met, or one on a cycle.',
    check: 'The message names the atom.',
    remedy:
      'Name a start, rename the atom, or let the join wait for what can come; make a cycle with a join a flow of its own.',
  },
  BATON_DEFINITION_UNKNOWN_FLOW: {
    cause: 'An atom names a flow to run, and no flow of that name was given with it.',
    check: 'The message names the atom and the flow.',
    remedy: 'Give the flow too: `withFlows(flow, [theOther])`, or both as documents of one YAML text.',
  },
  BATON_DEFINITION_DECIDER_NOT_PORTABLE: {
    cause: 'A decider is a function; a conductor holds no user code.',
    check: 'The message names the link.',
    remedy: 'Write it as an expression, or run the flow in process.',
  },
  BATON_DEFINITION_EXPRESSION: {
    cause:
      'An expression of the flow is no CEL, uses a name it is not given or a function that is not available, or is too large or too deeply nested.',
    check: 'The message names the link or the retry, what is wrong, and the character where.',
    remedy:
      'Correct the expression; names with dots or dashes are read as `history["a.b"]`, and what an expression may not do, a task computes.',
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
  BATON_NOT_FOUND_SCHEDULE: {
    cause: 'There is no schedule of this id.',
    check: '`baton schedule list` shows those of the board.',
    remedy: 'Correct the id, or look at the right board and cluster.',
  },
  BATON_NOT_FOUND_ENVIRONMENT: {
    cause: 'There is no environment of this name on the board.',
    check: '`baton environment list` shows those of the board.',
    remedy: 'Correct the name, make it with `baton environment set`, or look at the right board and cluster.',
  },
  BATON_NOT_FOUND_ATOM: {
    cause: 'The flow of the job has no atom of this name.',
    check: '`baton job get ID` lists its atoms.',
    remedy: 'Correct the name of the atom, or the id of the job.',
  },
  BATON_NOT_FOUND_DELEGATE: {
    cause:
      'A link to something that waits for an answer carries a token that is none, or one of a key that is not known any more.',
    check:
      'The link must be whole; `baton config show` tells whether delegate.keys is set where the API runs.',
    remedy:
      'Ask for the link again; or answer by the id of the job and its atom: `baton delegate complete ID ATOM`.',
  },
  BATON_NOT_FOUND_DOCUMENT: {
    cause: 'A document that a journal entry refers to (a definition or a payload) is not in the store.',
    check: 'The message names the collection and the id.',
    remedy: 'The store may have been restored from an older backup than the jobboard; post the job again.',
  },
  BATON_NOT_FOUND_ROUTE: {
    cause: 'The HTTP API has no such path, or not with this method.',
    check: '`GET /v1/openapi.json` lists all there is.',
    remedy: 'Correct path or method; parts of a path are percent-encoded (`a#2` is `a%232`).',
  },
  BATON_CONFLICT_NODE_EXISTS: {
    cause: 'A node of the jobboard exists already.',
    check: 'The message names the path.',
    remedy: 'Somebody else was first; look again.',
  },
  BATON_CONFLICT_MEMBER_ID_TAKEN: {
    cause:
      'Another member lives under the id that this one was given; it was waited for longer than a dead one could keep it.',
    check: '`baton cluster status` shows who has it; the message names its host and process.',
    remedy: 'Choose another `--id` (or BATON_MEMBER_ID), or stop that member first.',
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
  BATON_CONFLICT_ENDED: {
    cause: 'A command was given to a job that has ended.',
    check: '`baton job get ID` shows how it ended.',
    remedy: '`baton job rerun ID` has what failed run again, `baton job revert ID` undoes what was done.',
  },
  BATON_CONFLICT_SEQUENCE: {
    cause: 'A command was given on the condition that the run has not moved on, and it has.',
    check: 'The message names both sequence numbers.',
    remedy: 'Look at the job again, and give the command with its new sequence number if it is still wanted.',
  },
  BATON_CONFLICT_REVISION: {
    cause:
      'A schedule or environment was to be changed on the condition that nobody else has, and somebody has.',
    check:
      '`baton schedule show ID` and `baton environment get NAME` show what it is now, with its revision.',
    remedy: 'Look at it again, and repeat the change if it is still wanted.',
  },
  BATON_CONFLICT_QUARANTINED: {
    cause:
      'What is stored of a job is missing or cannot be read, so it was taken off the board without an end; nothing was undone.',
    check: 'The message says what; the log of the conductor has `claim.install-failed` with the whole error.',
    remedy: 'Restore the store, or clean up by hand what its tasks did, and post the flow again.',
  },
  BATON_CONFLICT_NOT_PARKED: {
    cause: 'A decision was given about a task that does not wait for one; nothing was changed.',
    check: '`baton job get ID` shows which tasks are parked, and what the others do.',
    remedy:
      'None needed. Only a task with `onWorkerLoss: park` whose worker was lost waits; `baton job cancel` stops a job.',
  },
  BATON_CONFLICT_NOT_WAITING: {
    cause:
      'An answer was given to an atom that waits for none, or to an attempt of it that is over; nothing was changed.',
    check: '`baton job get ID` shows which atoms wait for an answer.',
    remedy: 'None needed: it was answered before, took too long, or has not begun.',
  },
  BATON_CONFLICT_NOT_REPAIRABLE: {
    cause:
      'A job was to be run again, undone, stopped, or to go on without an atom or with another environment, and is not in the state for it, or its environment would be too large.',
    check: 'The message says what is in the way; `baton job get ID` shows how the job and its atoms ended.',
    remedy:
      'Name an atom that failed or was cancelled; wait for a job that goes on, or cancel it; suspend one whose environment is to change; of a child run name its activation in the parent; else `baton job post --from ID` posts it once more.',
  },
  BATON_CONFLICT_NOT_ENDED: {
    cause:
      'A job was to be deleted that goes on, or one of its child runs does, or its owner is about to take it off the board; nothing was deleted.',
    check: '`baton job get ID` shows how it stands.',
    remedy: '`baton job cancel ID` ends it; or wait for its end, and delete it then.',
  },
  BATON_CONFLICT_DELETED: {
    cause:
      'A job was posted under the id of one that was deleted about an hour ago at most; what is stored of that one is not purged yet.',
    check: '`baton job get ID` says that there is no such job.',
    remedy: 'Post it under another key, or wait: conductors purge it an hour after it was deleted.',
  },
  BATON_CONFLICT_KEY_REUSED: {
    cause:
      'A job, a command of a job, a schedule, an environment or an event with this key exists and has other content.',
    check:
      '`baton job get KEY` shows what was posted, `baton schedule show ID` the schedule, `baton environment get NAME` the environment.',
    remedy: 'Use another key, or give exactly the same content.',
  },
  BATON_CONFLICT_SERVER_RUNNING: {
    cause: 'Another embedded server uses this database file or listens on this socket or port already.',
    check: 'The message names the file or the address.',
    remedy: 'Use the running one, stop it, or give this one another file and address.',
  },
  BATON_CONFLICT_SCHEMA_NEWER: {
    cause: 'The store or the jobboard was written by a newer version of Baton than this one.',
    check: 'The message names both versions.',
    remedy: 'Run the newer version on this member too.',
  },
  BATON_CONFLICT_OTHER_CLUSTER: {
    cause: 'The store belongs to another cluster than the jobboard.',
    check: 'The message names both cluster ids.',
    remedy: 'Correct the address or the name of the database, or the root of the jobboard.',
  },
  BATON_CONFLICT_OTHER_BOARD: {
    cause: 'The id of the job stands for one on another board of this cluster; nothing was stored.',
    check: 'The message names both boards; `baton job get ID` shows the job.',
    remedy: 'Name that board (`--board`, BATON_JOBBOARD_BOARD), or post under another key.',
  },
  BATON_CONFLICT_CANCELLED: {
    cause: 'A task was told to stop because nobody wants its result any more.',
    check: 'The message repeats the reason of the cancellation.',
    remedy: 'None needed: stop the work and leave things such that revert can undo them.',
  },
  BATON_CONFLICT_HALF_UNDONE: {
    cause: 'A revert of this flow failed; running it again would hide what is still in place.',
    check: '`baton job get ID` lists what was undone, what was not, and what failed to be.',
    remedy:
      "`baton task revert-retry ID ATOM`, or `revert-accept` once it was cleaned up by hand. In one process: run it with `begin: { type: 'retryRevert', atom }`, or `acceptRevert`.",
  },
  BATON_CONFLICT_NOT_RESETTABLE: {
    cause:
      'Only a flow that was not begun, succeeded or was undone can be reset, and only one of which nothing else was undone can run again from an atom on; nothing was changed.',
    check: 'The message names the state of the flow, or the atom that was undone.',
    remedy: 'Let it run to its end, or undo it first; run all of it again.',
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
  BATON_UNAVAILABLE_NO_SLOT: {
    cause: 'Every slot (partition) of this kind is leased by another member, so this one has no inbox.',
    check: '`baton cluster status` shows who is there.',
    remedy:
      'Raise transport.kafka.request_slots (workers) or reply_slots (conductors): the next member that starts makes the partitions. Or run fewer members.',
  },
  BATON_UNAVAILABLE_BOARD_FULL: {
    cause: 'So many jobs wait or run that the jobboard takes no new one: more are posted than are done.',
    check: '`baton cluster status` counts them, and shows the conductors and workers that should do them.',
    remedy:
      'Post it again later; start more workers and conductors, or post less. Jobs that are on the board are done in order of priority and age.',
  },
  BATON_UNAVAILABLE_THROTTLED: {
    cause: 'Somebody asks the HTTP API more often than http.rate allows, or has too many streams open.',
    check: 'The header `retry-after` says in how many seconds to ask again.',
    remedy: 'Ask less often, close streams that nobody reads, or raise http.rate.',
  },
  BATON_UNAVAILABLE_DEADLINE: {
    cause: 'An operation did not end before its deadline.',
    check: 'The message names the operation and the deadline.',
    remedy: 'Look at the health of the service it waits for, or allow more time.',
  },
  BATON_UNAVAILABLE_DRAINING: {
    cause: 'A task was told to stop because its worker shuts down and the time for finishing is over.',
    check: '`drain.timeout` of the worker against the usual run time of the task.',
    remedy:
      'None needed: another worker runs it under the same idempotency key. Raise drain.timeout if it happens often.',
  },
  BATON_UNAVAILABLE_TASK_STUCK: {
    cause:
      'The thread or process of a task went on after it was killed: Node does not interrupt a thread in a synchronous or native call.',
    check:
      'The message names the task. It calls execSync, readFileSync on a pipe, or an add-on that does not return.',
    remedy:
      "Give that task isolation: 'process'. Its worker finishes what else it runs and ends; its guard starts another with `--restart`.",
  },
  BATON_INVARIANT_UNREACHABLE: {
    cause: 'A place was reached that the code holds for impossible.',
    check: 'The report names the value.',
    remedy: 'Please report it with the log.',
  },
  BATON_INVARIANT_UNEXPECTED: {
    cause: 'An error that is none of those on this page reached the HTTP API.',
    check: 'The log of the API has it, under the id in `details.requestId`.',
    remedy: 'Please report it with that part of the log.',
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
