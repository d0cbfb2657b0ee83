/**
 * Purpose: posting (P-601): the job record, journal entry 0, then the node on the board. Each step can be repeated, so a post whose
 * answer was lost, or whose poster died half way, is finished by posting again.
 * What is authoritative: the job record decides what a key stands for; the board decides who runs it.
 */
import { DefinitionError, InputError, UnavailableError, checkId, codeOf, familyOf } from '@baton/core';
import type { Environment, InlineValue, JsonValue, NotifyTarget, Runtime, Value } from '@baton/core';
import {
  compileAny,
  missingDependencies,
  storableEnvironment,
  storableSymbols,
  validateAny,
} from '@baton/engine';
import type { AnyCompiled, AnyDefinition, EnvironmentOptions } from '@baton/engine';
import { canonicalFlowJson, isRouted, parseAnyFlow, targeted } from '@baton/flow';
import type { Atom, FlowDefinition, NodeDefinition } from '@baton/flow';
import { defaultNamespace, encodePosting, postingVersion, postingWith, priorities } from '@baton/jobboard';
import type { JobBoard, Posting, Priority } from '@baton/jobboard';
import { checkPostSize, contentHashOf, placeJob } from '@baton/persistence';
import type { EnvironmentName, GivenWithJob, JobPost, Persistence } from '@baton/persistence';
import { environmentNamed } from './environments.js';
import { checkBoard } from './home-board.js';
import { checkNotify } from './notify-targets.js';

export interface PostOptions extends Pick<EnvironmentOptions, 'evaluateEnv'> {
  /** Idempotency key and id of the job; the same key with the same content is the same job. Default: a new ULID. */
  readonly key?: string;
  /** Values of the symbols the flow requires. */
  readonly store?: Readonly<Record<string, JsonValue>>;
  /** Default NORMAL; case does not matter. */
  readonly priority?: Priority | Lowercase<Priority>;
  /** What expressions of a routed flow read as `env`: up to 16 KiB, or the name of an environment of the board, as it is when the job is posted (C-711). */
  readonly env?: string | object;
  /** Shown in lists. Default: the name of the flow. */
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Web hooks that are told how it goes on, each in order, at least once. At most 10. */
  readonly notify?: readonly NotifyTarget[];
  /** Of an ordered flow only what this atom needs, and itself. */
  readonly target?: string;
}

/** Anything that is, or turns into, flow JSON. */
export type Postable = AnyDefinition | { toJSON(): FlowDefinition };

/** Of a flow made by builders, `store` must give exactly what it still requires; of flow JSON the compiler knows nothing. */
export type PostArguments<F> =
  F extends Atom<string, infer R, infer _P>
    ? {} extends R
      ? [options?: PostOptionsWith<{ readonly store?: R }>]
      : [options: PostOptionsWith<{ readonly store: R }>]
    : [options?: PostOptions];
type PostOptionsWith<S> = Omit<PostOptions, 'store'> & S;

export interface PostDeps {
  readonly board: JobBoard;
  readonly persistence: Persistence;
  readonly runtime: Runtime;
}

export interface Posted {
  readonly jobId: string;
  /** Nobody had posted it before. */
  readonly isNew: boolean;
}

/**
 * Posts a job and gives its id. Acknowledged means: it will end, exactly once (P-101).
 * A symbol that is `undefined` is not given.
 * @throws DefinitionError and InputError (nothing was stored): a flow or a value that is none, with its place, or is too large; ConflictError
 *   `BATON_CONFLICT_KEY_REUSED`, `BATON_CONFLICT_OTHER_BOARD`, UnavailableError (posting again with the same key is safe), `BATON_UNAVAILABLE_BOARD_FULL` among them;
 *   `BATON_UNAVAILABLE_OUTCOME_UNKNOWN` with `details.jobId`: it may have been posted, and posting it again with that as key is safe.
 */
export async function postJob(deps: PostDeps, flow: Postable, options: PostOptions = {}): Promise<Posted> {
  const jobId = checkId('job', options.key ?? deps.runtime.random.ulid());
  return postPrepared(deps, jobId, await preparePost(deps, flow, options, () => admit(deps, jobId)));
}

/** What becomes of `preparePost`. @throws as `postJob` */
export async function postPrepared(deps: PostDeps, jobId: string, prepared: Prepared): Promise<Posted> {
  const { persistence, board } = deps;
  const { environment } = prepared.given;
  const env = environment && (await environmentOfJob(deps, jobId, environment));
  const given = { ...prepared.given, ...(env && { env }) };
  const posting = postingWith(prepared.posting, given);
  const post: JobPost = {
    jobId,
    definitionHash: posting.definitionHash,
    contentHash: contentHashOf(posting, given),
    posting: JSON.stringify(posting),
    postedAtMs: posting.createdAtMs,
    ...(env && { env }),
  };
  // a record whose other parts do not fit could never be finished, by nobody
  encodePosting(posting);
  checkPostSize(post, given);
  const { record, isNew } = await persistence.jobs.insertOrFind(post);
  checkBoard(record, board.name);
  try {
    await placeJob(persistence, { record, ...given }, ({ posting: standing }) =>
      board.post(jobId, JSON.parse(standing) as Posting),
    );
  } catch (error) {
    throw familyOf(error) === 'unavailable' ? mayBePosted(jobId, error) : error;
  }
  return { jobId, isNew };
}

/** What has been checked, and is stored as far as it is large. */
export interface Prepared {
  readonly posting: Posting;
  readonly given: GivenWithJob;
}

/**
 * Checks and stores what is to be posted: the definition, and values that are large. `admit` may refuse it. An environment that is named is looked up when
 * the job is posted, and `postingWith` follows.
 * @throws as `postJob`, and what `admit` does
 */
export async function preparePost(
  { persistence, runtime, board }: PostDeps,
  flow: Postable,
  options: PostOptions,
  admit: () => Promise<void> = () => Promise.resolve(),
): Promise<Prepared> {
  const { notify } = options;
  checkNotify(notify ?? []);
  const symbols = storableSymbols(options.store === undefined ? {} : options.store);
  const definition = checkedDefinition(flow, symbols, options.target);
  const env = environmentOf(options);
  const store = await encodeStore(persistence, symbols);
  const json = canonicalFlowJson(definition);
  const [definitionHash] = await Promise.all([persistence.definitions.put(json), admit()]);
  const made = { name: definition.root.name, definitionHash, createdAtMs: runtime.clock.wallMs() };
  return {
    posting: postingOf(options, made, board.name),
    given: { store, ...env, ...(notify && { notify }) },
  };
}

/** @throws InputError for a map that is none, or a text that can be no name */
function environmentOf({ env, evaluateEnv = true }: PostOptions): {
  readonly env?: Environment;
  readonly environment?: EnvironmentName;
} {
  if (typeof env === 'string') return { environment: { name: checkId('environment', env), evaluateEnv } };
  const made = storableEnvironment({ ...(env !== undefined && { env }), evaluateEnv });
  return made === undefined ? {} : { env: made };
}

/** Of one that is posted again what it was the first time, whatever became of it since. @throws as `environmentNamed` */
async function environmentOfJob(
  deps: PostDeps,
  jobId: string,
  name: EnvironmentName,
): Promise<Environment | undefined> {
  const standing = await deps.persistence.jobs.get(jobId);
  return standing === undefined ? environmentNamed(deps, name) : standing.env;
}

/** Once entry 0 is in the journal conductors finish the post, whatever its poster hears; another post under a new key would double the job. */
function mayBePosted(jobId: string, cause: unknown): UnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UnavailableError(
    'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    `${reason}; job ${jobId} may have been posted: look for it, or post it again with the key ${jobId}, which cannot double it`,
    { cause, details: { jobId } },
  );
}

/** A job that was posted before is not refused: its poster did not hear the answer. */
export async function admit({ board, persistence }: PostDeps, jobId: string): Promise<void> {
  try {
    await board.admit(jobId);
  } catch (error) {
    if (codeOf(error) !== 'BATON_UNAVAILABLE_BOARD_FULL' || !(await persistence.jobs.get(jobId))) throw error;
  }
}

/**
 * What a post checks before it stores anything. Without `store`, that nothing but symbols can be missing.
 * @throws DefinitionError with the place; InputError for a target of a routed flow
 */
export function checkedDefinition(flow: Postable, store?: object, target?: string): AnyDefinition {
  const whole = parseAnyFlow(isBuilt(flow) ? flow.toJSON() : flow, { unknownFields: 'refused' });
  const definition = target === undefined ? whole : targeted(whole, target);
  for (const { root } of [definition, ...Object.values(isRouted(definition) ? (definition.flows ?? {}) : {})])
    if (root.kind !== 'routed') refuseFunctions(root);
  const compiled = compileAny(definition);
  validateAny(compiled, store ? Object.keys(store) : inputsOf(compiled));
  return definition;
}

/** Symbols that a post of this flow must give. */
export function requiredSymbols(definition: AnyDefinition): readonly string[] {
  return [...new Set(inputsOf(compileAny(definition)))];
}

function inputsOf(compiled: AnyCompiled): readonly string[] {
  return 'shape' in compiled
    ? (compiled.definition.requires ?? [])
    : missingDependencies(compiled, []).map((missing) => missing.symbol);
}

/** Of a program in JavaScript, what is no flow may be anything. */
function isBuilt(flow: Postable): flow is { toJSON(): FlowDefinition } {
  return typeof (flow as { toJSON?: unknown } | undefined | null)?.toJSON === 'function';
}

async function encodeStore(
  persistence: Persistence,
  given: Readonly<Record<string, InlineValue>>,
): Promise<Record<string, Value>> {
  const entries = Object.entries(given).map(async ([symbol, value]) => {
    try {
      return [symbol, await persistence.payloads.externalise(value)] as const;
    } catch (error) {
      if (error instanceof InputError)
        throw new InputError(error.code, `store value ${JSON.stringify(symbol)}: ${error.message}`, {
          cause: error,
          details: error.details,
        });
      throw error;
    }
  });
  return Object.fromEntries(await Promise.all(entries));
}

export function postingOf(
  options: PostOptions,
  made: { readonly name: string; readonly definitionHash: string; readonly createdAtMs: number },
  board: string,
): Posting {
  const priority = String(options.priority ?? 'NORMAL').toUpperCase() as Priority;
  if (!priorities.includes(priority))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `priority ${String(options.priority)} must be one of ${priorities.join(', ')}`,
    );
  return {
    ...made,
    name: options.name ?? made.name,
    priority,
    namespace: defaultNamespace,
    board,
    tags: options.tags ?? {},
    ...(options.notify && options.notify.length > 0 && { notify: true }),
    protocolVersion: postingVersion,
  };
}

/** Conductors hold no user code, so a function cannot decide (E-509). */
function refuseFunctions(node: NodeDefinition): void {
  if (node.kind === 'task') return;
  for (const { decider } of node.links ?? [])
    if (decider && 'local' in decider)
      throw new DefinitionError(
        'BATON_DEFINITION_DECIDER_NOT_PORTABLE',
        `flow ${node.name} has a link that the function ${decider.local} decides about; write it as an expression: expr('…')`,
      );
  for (const child of node.children ?? []) refuseFunctions(child);
}
