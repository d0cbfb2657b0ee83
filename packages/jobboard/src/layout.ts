/**
 * Where things are on the board (DESIGN 8), and making it on first use.
 *
 *   /meta                                        cluster id, store generation, layout version
 *   /boards/<board>/jobs/<bb>/<jobId>.<life>     persistent; posting; version = claim count
 *                  /locks/<bb>/<jobId>           ephemeral; who owns the job
 *                  /dormant/<bb>/<jobId>.<life>  persistent; waits for a timer or an answer
 *                  /trash/<bb>/<jobId>           persistent; posting and reason
 *                  /heads                        persistent; how far the jobs of the conductor that died last were: hints, by job id
 *   /members/conductors|workers/<id>             ephemeral
 *   /slots/requests|replies/<n>                  ephemeral; who reads this partition
 */
import { createHash } from 'node:crypto';
import {
  ConflictError,
  InputError,
  codeOf,
  type CoordinationSession,
  type MemberKind,
  type Random,
} from '@baton/core';
import { fromBytes, toBytes } from './json-bytes.js';
import { getIfAny } from './session-reads.js';

/** A job under one of its lives: the name of its node. */
export interface JobKey {
  readonly jobId: string;
  /** 0 at first, one more at each wake and each reopening (P-305). */
  readonly life: number;
}

/** `00` to `ff`. */
export const buckets: readonly string[] = Array.from({ length: 256 }, (_, n) =>
  n.toString(16).padStart(2, '0'),
);

/** First byte of SHA-256 of the job id: 256 buckets keep listings small at 10,000 jobs (P-301). */
export function bucketIndexOf(jobId: string): number {
  return createHash('sha256').update(jobId).digest()[0] as number;
}

/** `undefined` for a name that no Baton wrote. */
export function parseJobName(name: string): JobKey | undefined {
  const dot = name.lastIndexOf('.');
  const life = Number(name.slice(dot + 1));
  return dot > 0 && Number.isSafeInteger(life) && life >= 0 ? { jobId: name.slice(0, dot), life } : undefined;
}

export type JobTree = 'jobs' | 'locks' | 'dormant' | 'trash';
const trees: readonly JobTree[] = ['jobs', 'locks', 'dormant', 'trash'];

/** Paths of one board. */
export class BoardPaths {
  readonly root: string;
  readonly heads: string;

  constructor(board: string) {
    this.root = `/boards/${board}`;
    this.heads = `${this.root}/heads`;
  }

  /** `bucket` is its number, 0 to 255. */
  bucket(tree: JobTree, bucket: number): string {
    return `${this.root}/${tree}/${buckets[bucket] ?? ''}`;
  }

  bucketOf(tree: JobTree, jobId: string): string {
    return this.bucket(tree, bucketIndexOf(jobId));
  }

  job({ jobId, life }: JobKey): string {
    return `${this.bucketOf('jobs', jobId)}/${jobId}.${life}`;
  }

  dormant({ jobId, life }: JobKey): string {
    return `${this.bucketOf('dormant', jobId)}/${jobId}.${life}`;
  }

  lock(jobId: string): string {
    return `${this.bucketOf('locks', jobId)}/${jobId}`;
  }

  trash(jobId: string): string {
    return `${this.bucketOf('trash', jobId)}/${jobId}`;
  }
}

export const membersPath: Readonly<Record<MemberKind, string>> = {
  conductor: '/members/conductors',
  worker: '/members/workers',
};
export type SlotKind = 'requests' | 'replies';
export const slotsPath: Readonly<Record<SlotKind, string>> = {
  requests: '/slots/requests',
  replies: '/slots/replies',
};

export interface Meta {
  /** Names the cluster; the store holds the same (H17). */
  readonly clusterId: string;
  /** First part of every fence; raised only by an operator after a restore. */
  readonly storeGeneration: number;
  readonly layoutVersion: number;
}

export const layoutVersion = 1;
const nothing = new Uint8Array(0);

/**
 * Reads `/meta` and makes sure that the board's nodes exist; one round trip when they do. Safe when several members start at the
 * same time. @throws ConflictError `BATON_CONFLICT_SCHEMA_NEWER` when a newer Baton made the layout.
 */
export async function ensureLayout(
  session: CoordinationSession,
  paths: BoardPaths,
  random: Random,
): Promise<Meta> {
  const [found, board, heads] = await Promise.all([
    readMeta(session),
    getIfAny(session, paths.root),
    session.exists(paths.heads),
  ]);
  const meta = found ?? (await createMeta(session, random));
  // The board's own data is written after the last bucket: whoever reads it need not look at 1,024 nodes
  if (board === undefined || board.data.length === 0) await createBoard(session, paths);
  // the first boards were made without; a newer layout version would keep members of then from the board for the sake of a hint
  else if (heads === undefined) await createMissing(session, paths.heads, nothing);
  return meta;
}

/** ms since 1970 by the clock of the service: only what is written tells it. */
export async function readClock(session: CoordinationSession): Promise<number> {
  for (;;)
    try {
      return (await session.set('/clock', nothing)).mtimeMs;
    } catch (error) {
      if (codeOf(error) !== 'BATON_NOT_FOUND_NODE') throw error;
      await createMissing(session, '/clock', nothing);
    }
}

/** Undefined: nobody has opened a board yet. @throws as `ensureLayout` */
export async function readMeta(session: CoordinationSession): Promise<Meta | undefined> {
  const node = await getIfAny(session, '/meta');
  return node && parseMeta(node.data);
}

async function createMeta(session: CoordinationSession, random: Random): Promise<Meta> {
  const meta: Meta = { clusterId: random.ulid(), storeGeneration: 0, layoutVersion };
  await createMissing(session, '/meta', toBytes(meta));
  return parseMeta((await session.get('/meta')).data);
}

function parseMeta(data: Uint8Array): Meta {
  const meta = fromBytes(data) as Partial<Meta> | null | undefined;
  if (typeof meta?.clusterId !== 'string' || typeof meta.storeGeneration !== 'number')
    throw new InputError('BATON_INPUT_MALFORMED', 'node /meta does not describe a Baton cluster');
  if ((meta.layoutVersion ?? 0) > layoutVersion)
    throw new ConflictError(
      'BATON_CONFLICT_SCHEMA_NEWER',
      `the jobboard has layout ${String(meta.layoutVersion)}, this version knows ${layoutVersion}: use the newer Baton`,
    );
  return meta as Meta;
}

async function createBoard(session: CoordinationSession, paths: BoardPaths): Promise<void> {
  const parents = ['/boards', paths.root, paths.heads, '/members', '/slots'];
  parents.push(...Object.values(membersPath), ...Object.values(slotsPath));
  await Promise.all([
    ...parents.map((path) => createMissing(session, path, nothing)),
    ...trees.map((tree) => createTree(session, paths, tree)),
  ]);
  await session.set(paths.root, toBytes({ layoutVersion }));
}

/** One transaction for a whole tree; when somebody else is at it as well, node by node. */
async function createTree(session: CoordinationSession, paths: BoardPaths, tree: JobTree): Promise<void> {
  const nodes = [`${paths.root}/${tree}`, ...buckets.map((_, bucket) => paths.bucket(tree, bucket))];
  try {
    await session.multi(nodes.map((path) => ({ type: 'create', path, data: nothing })));
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_NODE_EXISTS') throw error;
    await Promise.all(nodes.map((path) => createMissing(session, path, nothing)));
  }
}

async function createMissing(session: CoordinationSession, path: string, data: Uint8Array): Promise<void> {
  try {
    await session.create(path, data);
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_NODE_EXISTS') throw error;
  }
}
