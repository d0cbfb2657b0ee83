/**
 * Purpose: what happens on the board, as it happens, for people and pages that show many jobs: which job came, was claimed, was given back, went.
 * States: open → over (the session is lost, or whoever reads ends it).
 * What is authoritative: nothing here: changes can be missed, and `reset` says when: list the jobs again then.
 * On failure: a lost session ends it; the client opens the next one.
 */
import type { BoardEvent, JobBoard } from '@baton/jobboard';
import type { OutagePatience } from './outage-patience.js';

export type BoardChange =
  | { readonly change: 'reset' }
  | {
      /** `gone`: settled, put to sleep or trashed; what became of it the job tells. */
      readonly change: 'posted' | 'claimed' | 'released' | 'gone';
      readonly jobId: string;
    };

/** Whoever reads more slowly is told to begin anew. */
const WAITING_MAX = 10_000;

const reset: BoardChange = { change: 'reset' };

/** The same through lost sessions, each with a board of its own, until `signal` is aborted. */
export async function* changesThrough(
  patience: OutagePatience,
  open: () => Promise<{ readonly board: JobBoard }>,
  signal: AbortSignal | undefined,
): AsyncGenerator<BoardChange, void> {
  for (;;) {
    const { board } = await patience.through(open);
    const changes = boardChanges(board, signal);
    try {
      for (;;) {
        const next = await patience.through(() => changes.next());
        if (next.done === true) break;
        yield next.value;
      }
    } finally {
      void changes.return();
    }
  }
}

/** Changes from now on, `reset` first; ends when the session is lost. Rejects with the reason of `signal`. */
export async function* boardChanges(
  board: JobBoard,
  signal: AbortSignal | undefined,
): AsyncGenerator<BoardChange, void> {
  let waiting: BoardChange[] = [reset];
  let wake: () => void = () => undefined;
  let isLost = false;
  const view = await board.watch((event) => {
    if (waiting.length >= WAITING_MAX) waiting = [reset];
    else waiting.push(changeOf(event));
    wake();
  });
  const look = (): void => {
    isLost ||= board.session.state === 'lost';
    wake();
  };
  const unsubscribe = board.session.onState(look);
  signal?.addEventListener('abort', look);
  look();
  try {
    for (;;) {
      signal?.throwIfAborted();
      for (const change of waiting.splice(0)) yield change;
      if (isLost) return;
      if (waiting.length === 0 && signal?.aborted !== true)
        await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal?.removeEventListener('abort', look);
    unsubscribe();
    view.close();
  }
}

function changeOf(event: BoardEvent): BoardChange {
  if (event.type !== 'available') return { change: event.type, jobId: event.jobId };
  return { change: event.released ? 'released' : 'posted', jobId: event.key.jobId };
}
