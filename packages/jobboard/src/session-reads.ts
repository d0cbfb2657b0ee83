/** Reads that the protocols share: tolerant of absence, or repeated until the session has an answer. */
import {
  UnavailableError,
  codeOf,
  type CoordinationSession,
  type NodeData,
  type NodeWatcher,
} from '@baton/core';

/** The node, or undefined when there is none. */
export async function getIfAny(
  session: CoordinationSession,
  path: string,
  watcher?: NodeWatcher,
): Promise<NodeData | undefined> {
  try {
    return await session.get(path, watcher);
  } catch (error) {
    if (codeOf(error) === 'BATON_NOT_FOUND_NODE') return undefined;
    throw error;
  }
}

/** Resolves when the session is connected; rejects with `BATON_UNAVAILABLE_SESSION_LOST` when it is over. */
export function whenConnected(session: CoordinationSession): Promise<void> {
  if (session.state === 'connected') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const lost = () =>
      reject(new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', 'the session with the board is over'));
    if (session.state === 'lost') return lost();
    const unsubscribe = session.onState((state) => {
      if (state === 'suspended') return;
      unsubscribe();
      if (state === 'lost') lost();
      else resolve();
    });
  });
}

/** The connection went away before or after the request was sent; the session may still be alive. */
export function isInterruption(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'BATON_UNAVAILABLE_DISCONNECTED' || code === 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN';
}

/**
 * Runs `read` behind a read barrier, after reconnections as often as needed: what this session had in flight before is
 * decided by then (P-512, P-1213). Ends with an answer or with the session.
 */
export async function readDecided<T>(session: CoordinationSession, read: () => Promise<T>): Promise<T> {
  for (;;) {
    await whenConnected(session);
    try {
      await session.barrier();
      return await read();
    } catch (error) {
      if (!isInterruption(error)) throw error;
    }
  }
}

/** Creates an ephemeral node of this session. True when it is ours at the end, also when the answer was lost; false when another session has it. */
export async function createOwn(
  session: CoordinationSession,
  path: string,
  data: Uint8Array,
): Promise<boolean> {
  try {
    await session.create(path, data, { ephemeral: true });
    return true;
  } catch (error) {
    if (codeOf(error) === 'BATON_CONFLICT_NODE_EXISTS') return false;
    if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw error;
  }
  const stat = await readDecided(session, () => session.exists(path));
  return stat === undefined ? createOwn(session, path, data) : stat.ephemeralOwner === session.id;
}
