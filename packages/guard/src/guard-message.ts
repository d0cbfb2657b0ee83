/**
 * What a child tells its guard over the pipe between them: one JSON object a line. The guard says nothing back; that it is gone
 * shows as the end of the pipe. The only place outside the child's memory where a session token ever is.
 */
import type { SessionToken } from '@baton/core';

export type GuardMessage =
  /** The session the child holds from now on; null: none, it has closed its own. */
  | { readonly type: 'session'; readonly token: SessionToken | null }
  /** The child's event loop turns. */
  | { readonly type: 'progress'; readonly count: number }
  /** Newest journal entries the child has had accepted, since it last said so. */
  | { readonly type: 'heads'; readonly heads: readonly HeadChange[] };

/** null: the child owns the job no more. */
export type HeadChange = readonly [jobId: string, seq: number | null];

/** The descriptor a guarded child finds its pipe on: the first after standard input, output and error. */
export const guardDescriptor = 3;

/** Of one message: ids have up to 128 letters, so that a line is well below its bound. */
export const headsPerMessageMax = 200;
const lineBytesMax = 64 * 1024;

export function encodeGuardMessage(message: GuardMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts what arrives into messages. What is not one is passed over: a newer child may say more than this guard knows. */
export function guardMessageReader(onMessage: (message: GuardMessage) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineBytesMax) rest = '';
    for (const line of lines) {
      const message = parse(line);
      if (message !== undefined) onMessage(message);
    }
  };
}

function parse(line: string): GuardMessage | undefined {
  let value: { type?: unknown; token?: unknown; count?: unknown; heads?: unknown } | null;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    return undefined;
  }
  if (value?.type === 'progress' && typeof value.count === 'number')
    return { type: 'progress', count: value.count };
  if (value?.type === 'heads' && Array.isArray(value.heads) && value.heads.every(isHeadChange))
    return { type: 'heads', heads: value.heads };
  if (value?.type !== 'session') return undefined;
  if (value.token === null) return { type: 'session', token: null };
  const { sessionId, secret } = (value.token ?? {}) as Partial<SessionToken>;
  if (typeof sessionId !== 'string' || typeof secret !== 'string') return undefined;
  return { type: 'session', token: { sessionId, secret } };
}

function isHeadChange(value: unknown): value is HeadChange {
  if (!Array.isArray(value)) return false;
  const [jobId, seq] = value as readonly unknown[];
  return typeof jobId === 'string' && (seq === null || Number.isSafeInteger(seq));
}
