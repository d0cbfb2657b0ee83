import { UnavailableError, type CoordinationSession } from '@baton/core';
import { parseJobName, type BoardPaths } from './layout.js';
import { isInterruption } from './session-reads.js';

export interface AwaitedJob {
  readonly session: CoordinationSession;
  readonly paths: BoardPaths;
  readonly jobId: string;
  readonly signal: AbortSignal | undefined;
}

/** Resolves when no job or dormant node of the job is on the board. Looks at once, when its node changes and at each reconnection. */
export function waitUntilGone(awaited: AwaitedJob): Promise<void> {
  const { session, signal } = awaited;
  return new Promise((resolve, reject) => {
    let ended = false;
    const end = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      unsubscribe();
      signal?.removeEventListener('abort', aborted);
      settle();
    };
    const fail = (error: unknown): void => end(() => reject(error as Error));
    const aborted = (): void => fail(signal?.reason);
    const look = (): void => {
      if (ended) return;
      lookOnce(awaited, look).then(
        (gone) => {
          if (gone) end(resolve);
        },
        (error: unknown) => {
          if (!isInterruption(error)) fail(error);
          else if (session.state === 'connected') look(); // a single request went unanswered
        },
      );
    };
    const unsubscribe = session.onState((state) => {
      if (state === 'connected') look();
      else if (state === 'lost')
        fail(new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', 'the session ended while waiting'));
    });
    signal?.addEventListener('abort', aborted);
    if (signal?.aborted === true) aborted();
    look();
  });
}

/** Whether the job is gone; if not, `changed` will be called when its node changes. */
async function lookOnce(awaited: AwaitedJob, changed: () => void): Promise<boolean> {
  for (;;) {
    const path = await pathOf(awaited);
    if (path === undefined) return true;
    if ((await awaited.session.exists(path, changed)) !== undefined) return false;
  }
}

/** Looks twice at the jobs: between two single listings a job could wake up from the one into the other. */
async function pathOf({ session, paths, jobId }: AwaitedJob): Promise<string | undefined> {
  const [jobs, dormant, again] = await Promise.all([
    lives(session, paths.bucketOf('jobs', jobId), jobId),
    lives(session, paths.bucketOf('dormant', jobId), jobId),
    lives(session, paths.bucketOf('jobs', jobId), jobId),
  ]);
  const life = again.at(-1) ?? jobs.at(-1);
  if (life !== undefined) return paths.job({ jobId, life });
  const asleep = dormant.at(-1);
  return asleep === undefined ? undefined : `${paths.bucketOf('dormant', jobId)}/${jobId}.${asleep}`;
}

/** Lives of a job in one bucket, ascending. */
export async function lives(session: CoordinationSession, bucket: string, jobId: string): Promise<number[]> {
  const names = await session.children(bucket);
  const found = names.flatMap((name) => {
    const key = parseJobName(name);
    return key?.jobId === jobId ? [key.life] : [];
  });
  return found.sort((a, b) => a - b);
}
