/**
 * Purpose: what happens on the board, numbered, for all who follow it: one view of the board for any number of streams.
 * States: idle (nobody has asked yet, or it has failed) → following, until the server stops.
 * What is authoritative: nothing here. The last 1,000 changes are kept, so that a stream that was cut off can go on; where they do not reach, `reset`
 *   says so: list the jobs again.
 * On failure: the client goes through outages and lost sessions, with a `reset` after each. Anything else is told to all who read; the next one to ask
 *   has it followed again.
 */
import type { BoardChange, Client } from '@baton/client';
import type { Runtime } from '@baton/core';
import type { StreamEvent } from './route.js';

const KEPT = 1_000;

export class BoardFeed {
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  /** Tells the numbers of this process from those of another, or of this one before it was started again. */
  readonly #epoch: string;
  readonly #kept: { readonly n: number; readonly change: BoardChange }[] = [];
  #n = 0;
  #isFollowing = false;
  #news = newNews();

  constructor(options: { readonly client: Client; readonly runtime: Runtime; readonly signal: AbortSignal }) {
    this.#client = options.client;
    this.#runtime = options.runtime;
    this.#signal = options.signal;
    this.#epoch = options.runtime.random.nonce().slice(0, 8);
  }

  /** Changes behind `lastEventId`, or from now on; until the reader ends it. Rejects when the board cannot be followed. */
  async *events(lastEventId: string | undefined, signal: AbortSignal): AsyncGenerator<StreamEvent, void> {
    this.#follow();
    const known = this.#numberOf(lastEventId);
    let at: number = known ?? this.#n;
    if (known === undefined) yield this.#reset(at);
    while (!signal.aborted) {
      const news = this.#news.come;
      // whoever reads too slowly has missed some
      if (at + 1 < (this.#kept[0]?.n ?? 1)) {
        at = this.#n;
        yield this.#reset(at);
        continue;
      }
      const next = this.#kept.filter(({ n }) => n > at);
      for (const each of next) {
        at = each.n;
        yield this.#event(each);
      }
      if (next.length === 0) await unlessAborted(news, signal);
    }
  }

  #reset(n: number): StreamEvent {
    return this.#event({ n, change: { change: 'reset' } });
  }

  #numberOf(lastEventId: string | undefined): number | undefined {
    const [epoch, text = ''] = (lastEventId ?? '').split('.');
    const n = epoch === this.#epoch && /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    return n <= this.#n ? n : undefined;
  }

  #event({ n, change }: { readonly n: number; readonly change: BoardChange }): StreamEvent {
    const { change: event, ...data } = change;
    return { id: `${this.#epoch}.${n}`, event, data };
  }

  #follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    void this.#run().catch((error: unknown) => {
      this.#isFollowing = false;
      if (this.#signal.aborted) return;
      this.#runtime.logger.error('api.board-feed.failed', { error });
      const { fail } = this.#news;
      this.#news = newNews();
      fail(error);
    });
  }

  async #run(): Promise<void> {
    for await (const change of this.#client.changes({ signal: this.#signal })) {
      this.#kept.push({ n: ++this.#n, change });
      if (this.#kept.length > KEPT) this.#kept.shift();
      const { tell } = this.#news;
      this.#news = newNews();
      tell();
    }
  }
}

interface News {
  readonly come: Promise<void>;
  readonly tell: () => void;
  readonly fail: (error: unknown) => void;
}

function newNews(): News {
  let [tell, fail]: [() => void, (error: unknown) => void] = [() => undefined, () => undefined];
  const come = new Promise<void>((resolve, reject) => ([tell, fail] = [resolve, reject]));
  // nobody may be reading
  come.catch(() => undefined);
  return { come, tell, fail };
}

async function unlessAborted(news: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (stop = resolve));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([news, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
