/**
 * Purpose: posting (P-601): the job record, journal entry 0, then the node on the board. Each step can be repeated, so a post whose
 * answer was lost, or whose poster died half way, is finished by posting again.
 * What is authoritative: the job record decides what a key stands for; the board decides who runs it.
 */
import { createHash } from 'node:crypto';
import { DefinitionError, InputError, checkId, codeOf, noFence } from '@baton/core';
import type { InlineValue, JsonValue, PostEntry, Runtime, Value } from '@baton/core';
import { compile, missingDependencies, storableSymbols, validate } from '@baton/engine';
import { canonicalFlowJson, parseFlowDefinition } from '@baton/flow';
import type { Atom, FlowDefinition, NodeDefinition } from '@baton/flow';
import {
  defaultNamespace,
  encodePosting,
  postingBytesMax,
  postingVersion,
  priorities,
} from '@baton/jobboard';
import type { JobBoard, Posting, Priority } from '@baton/jobboard';
import { documentBytesMax, entrySizeOf } from '@baton/persistence';
import type { JobPost, Persistence } from '@baton/persistence';

export interface PostOptions {
  /** Idempotency key and id of the job; the same key with the same content is the same job. Default: a new ULID. */
  readonly key?: string;
  /** Values of the symbols the flow requires. */
  readonly store?: Readonly<Record<string, JsonValue>>;
  /** Default NORMAL; case does not matter. */
  readonly priority?: Priority | Lowercase<Priority>;
  /** Shown in lists. Default: the name of the flow. */
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** Anything that is, or turns into, flow JSON. */
export type Postable = FlowDefinition | { toJSON(): FlowDefinition };

/** Of a flow made by builders, `store` must give exactly what it still requires; of flow JSON the compiler knows nothing. */
export type PostArguments<F> =
  F extends Atom<string, infer R, infer _P>
    ? {} extends R
      ? [options?: PostOptionsWith<{ readonly store?: R }>]
      : [options: PostOptionsWith<{ readonly store: R }>]
    : [options?: PostOptions];
type PostOptionsWith<S> = Omit<PostOptions, 'store'> & S;

/** Up to so many bytes of symbols ride on the board, so that a fresh job starts without a read. */
const STORE_ON_BOARD_BYTES = 1_024;

export interface PostDeps {
  readonly board: JobBoard;
  readonly persistence: Persistence;
  readonly runtime: Runtime;
}

/**
 * Posts a job and gives its id. Acknowledged means: it will end, exactly once (P-101).
 * A symbol that is `undefined` is not given.
 * @throws DefinitionError and InputError (nothing was stored): a flow or a value that is none, with its place, or is too large; ConflictError
 *   `BATON_CONFLICT_KEY_REUSED`, UnavailableError (posting again with the same key is safe), `BATON_UNAVAILABLE_BOARD_FULL` among them.
 */
export async function postJob(deps: PostDeps, flow: Postable, options: PostOptions = {}): Promise<string> {
  checkOptions(options);
  const given = storableSymbols(options.store === undefined ? {} : options.store);
  const definition = checkedDefinition(flow, given);
  const jobId = checkId('job', options.key ?? deps.runtime.random.ulid());
  const { persistence, runtime, board } = deps;
  const store = await encodeStore(persistence, given);
  const json = canonicalFlowJson(definition);
  const [definitionHash] = await Promise.all([persistence.definitions.put(json), admit(deps, jobId)]);
  const posting = postingOf(
    options,
    { name: definition.root.name, definitionHash, createdAtMs: runtime.clock.wallMs() },
    store,
  );
  const post: JobPost = {
    jobId,
    definitionHash,
    contentHash: sha256(
      JSON.stringify([definitionHash, sorted(store), posting.priority, posting.name, posting.tags]),
    ),
    posting: JSON.stringify(posting),
    postedAtMs: posting.createdAtMs,
  };
  // a record whose other parts do not fit could never be finished, by nobody
  encodePosting(posting);
  checkSize(postEntry(post, store));
  const record = await persistence.jobs.insert(post);
  // a repeated post uses the posting of the first one, so that both are the same to the letter
  const standing = JSON.parse(record.posting) as Posting;
  if (record.state === 'POSTED') return jobId;
  await persistence.journal.append(postEntry(record, store));
  await board.post(jobId, standing);
  void persistence.jobs.markPosted(record);
  return jobId;
}

/** A job that was posted before is not refused: its poster did not hear the answer. */
async function admit({ board, persistence }: PostDeps, jobId: string): Promise<void> {
  try {
    await board.admit(jobId);
  } catch (error) {
    if (codeOf(error) !== 'BATON_UNAVAILABLE_BOARD_FULL' || !(await persistence.jobs.get(jobId))) throw error;
  }
}

function postEntry(
  { jobId, definitionHash, contentHash, posting, postedAtMs }: JobPost,
  store: Readonly<Record<string, Value>>,
): PostEntry {
  const { name } = JSON.parse(posting) as Posting;
  return {
    ...{
      kind: 'post',
      flowId: jobId,
      seq: 0,
      fence: noFence,
      opId: contentHash,
      atMs: postedAtMs,
      facts: [],
    },
    post: { name, definitionHash, store },
  };
}

function checkSize(entry: PostEntry): void {
  const bytes = entrySizeOf(entry);
  if (bytes > documentBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `the store values of the job have ${bytes} bytes together, allowed are ${documentBytesMax}: give references to the large ones`,
    );
}

/**
 * What a post checks before it stores anything. Without `store`, that nothing but symbols can be missing.
 * @throws DefinitionError with the place
 */
export function checkedDefinition(flow: Postable, store?: object): FlowDefinition {
  const definition = parseFlowDefinition(isBuilt(flow) ? flow.toJSON() : flow, {
    unknownFields: 'refused',
  });
  refuseFunctions(definition.root);
  const compiled = compile(definition);
  const given = store
    ? Object.keys(store)
    : missingDependencies(compiled, []).map((missing) => missing.symbol);
  validate(compiled, given);
  return definition;
}

/** Of a program in JavaScript, what is no flow may be anything. */
function isBuilt(flow: Postable): flow is { toJSON(): FlowDefinition } {
  return typeof (flow as { toJSON?: unknown } | undefined | null)?.toJSON === 'function';
}

/** @throws InputError for what no compiler has looked at */
function checkOptions(options: PostOptions): void {
  const refuse = (what: string): never => {
    throw new InputError('BATON_INPUT_INVALID', what);
  };
  if (typeof options !== 'object' || options === null) refuse('options must be an object');
  const { name, tags, priority } = options;
  if (name !== undefined && typeof name !== 'string') refuse('name must be text');
  if (priority !== undefined && typeof priority !== 'string')
    refuse(`priority ${String(priority)} must be one of ${priorities.join(', ')}`);
  if (tags !== undefined && !isTextByName(tags)) refuse('tags must be an object of texts');
}

function isTextByName(tags: unknown): boolean {
  return (
    typeof tags === 'object' &&
    tags !== null &&
    !Array.isArray(tags) &&
    Object.values(tags).every((tag) => typeof tag === 'string')
  );
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

function postingOf(
  options: PostOptions,
  made: { readonly name: string; readonly definitionHash: string; readonly createdAtMs: number },
  store: Readonly<Record<string, Value>>,
): Posting {
  const priority = (options.priority ?? 'NORMAL').toUpperCase() as Priority;
  if (!priorities.includes(priority))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `priority ${JSON.stringify(options.priority)} must be one of ${priorities.join(', ')}`,
    );
  const posting: Posting = {
    ...made,
    name: options.name ?? made.name,
    priority,
    namespace: defaultNamespace,
    tags: options.tags ?? {},
    protocolVersion: postingVersion,
  };
  const withStore: Posting = { ...posting, store };
  const isSmall =
    JSON.stringify(store).length <= STORE_ON_BOARD_BYTES &&
    Buffer.byteLength(JSON.stringify(withStore)) <= postingBytesMax;
  return isSmall ? withStore : posting;
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

function sorted(store: Readonly<Record<string, Value>>): readonly (readonly [string, Value])[] {
  return Object.entries(store).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
