import { InputError } from './errors.js';

/** Job ids (and flow ids: a job has one flow run, both carry the same id) and member ids. */
const NAME = /^[A-Za-z0-9_-]{1,128}$/;

/** @throws InputError `BATON_INPUT_INVALID` unless 1 to 128 characters of `A-Z a-z 0-9 _ -`. */
export function checkId(
  kind: 'job' | 'member' | 'board' | 'schedule' | 'event' | 'environment',
  id: string,
): string {
  if (typeof id !== 'string' || !NAME.test(id))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${kind} id ${typeof id === 'string' ? JSON.stringify(id) : `of type ${typeof id}`} must be 1 to 128 of A-Z a-z 0-9 _ -`,
    );
  return id;
}

/** Of a child run: whose it is, and how far below its root. */
export interface Lineage {
  readonly rootId: string;
  readonly parentId: string;
  /** Under which the parent waits for it. */
  readonly requestId: string;
  /** Of a child of the root 1. */
  readonly depth: number;
}

export type Action = 'execute' | 'revert';

export interface RequestIdParts {
  readonly flowId: string;
  readonly atom: string;
  /** `open`: of a delegate, the task that asks for its answer. */
  readonly action: Action | 'open';
  /** How often the innermost retry controller of the atom has executed, from 0; one more each time that it runs again after it was undone. */
  readonly round: number;
  /** Number of the attempt inside the round, from 1. */
  readonly attempt: number;
}

/** `flowId/atom/action/round.attempt`: deterministic, so every sending of one attempt has the same id (P-903). */
export function requestIdOf({ flowId, atom, action, round, attempt }: RequestIdParts): string {
  // the short end first: joining pieces to a long text one by one makes a node of a tree of each
  const end = `/${action}/${round}.${attempt}`;
  return `${flowId}/${atom}${end}`;
}

/** What user code gets as idempotency key: the request id without the attempt (S12). */
export function idempotencyKeyOf(requestId: string): string {
  return requestId.slice(0, requestId.lastIndexOf('.'));
}

/** The flow a request belongs to. */
export function flowIdOf(requestId: string): string {
  return requestId.slice(0, requestId.indexOf('/'));
}

/** The atom a request belongs to. */
export function atomNameOf(requestId: string): string {
  const action = requestId.lastIndexOf('/', requestId.lastIndexOf('/') - 1);
  return requestId.slice(requestId.indexOf('/') + 1, action);
}

/** The round of its atom in which a request is. */
export function roundOf(requestId: string): number {
  return Number(requestId.slice(requestId.lastIndexOf('/') + 1, requestId.lastIndexOf('.')));
}

/** The number of the attempt that a request is. */
export function attemptOf(requestId: string): number {
  return Number(requestId.slice(requestId.lastIndexOf('.') + 1));
}

/**
 * The id of the child run that stands for a request of its parent (C-1206): the same whoever starts it, however often. Begins with the root's
 * id and the name of the activation, as far as they fit, so that people find it.
 */
export function childIdOf(requestId: string, rootId: string): string {
  const atom = atomNameOf(requestId).replaceAll(/[^A-Za-z0-9_-]+/g, '-');
  const hash = [0, 1, 2, 3].map((part) => hash32(`${part}/${requestId}`).toString(36).padStart(7, '0'));
  return `${rootId.slice(0, 56)}_${atom.slice(0, 40)}_${hash.join('')}`;
}

/** 32-bit hash with good spread, for ranks and spreading; not for security. (FNV-1a with a murmur finish.) */
export function hash32(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 16777619);
  }
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 2246822507);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Rendezvous rank of `candidate` for `subject` among `others`: 0 = first choice. Every member computes the same order. */
export function rendezvousRank(subject: string, candidate: string, others: Iterable<string>): number {
  const own = hash32(`${candidate}\u0000${subject}`);
  let rank = 0;
  for (const other of others) {
    if (other === candidate) continue;
    const theirs = hash32(`${other}\u0000${subject}`);
    if (theirs > own || (theirs === own && other > candidate)) rank++;
  }
  return rank;
}

/** The candidate whose rendezvous rank for `subject` is 0; none if there are no candidates. */
export function rendezvousFirst(subject: string, candidates: Iterable<string>): string | undefined {
  let first: string | undefined;
  let most = -1;
  for (const candidate of candidates) {
    const hash = hash32(`${candidate}\u0000${subject}`);
    if (hash < most || (hash === most && candidate < (first ?? ''))) continue;
    [first, most] = [candidate, hash];
  }
  return first;
}
