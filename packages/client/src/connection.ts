/**
 * Purpose: what a client works with: the board over a session, and the store.
 * States: none open → open → closed. A session that is lost is replaced when it is next needed.
 * On failure: UnavailableErrors reach whoever asked; the next one tries again.
 */
import { UnavailableError } from '@baton/core';
import type { Coordination, CoordinationSession, DocumentStore, Runtime } from '@baton/core';
import { JobBoard } from '@baton/jobboard';
import { openPersistence, type Persistence } from '@baton/persistence';
import { answeredWithin } from './answered-within.js';

export interface ClientDeps {
  readonly runtime: Runtime;
  readonly coordination: Coordination;
  readonly store: DocumentStore;
  /** Name of the jobboard. */
  readonly board: string;
  /** Label of this client in the board's records. */
  readonly clientId: string;
  readonly sessionTimeoutMs?: number;
  /** Longest wait for the first connection. Default 5,000 ms. */
  readonly connectTimeoutMs?: number;
}

export interface Open {
  readonly board: JobBoard;
  /** Others of the cluster that were asked about a job, on the same session. */
  readonly others: Map<string, Promise<JobBoard>>;
  readonly persistence: Persistence;
}

export class Connection {
  readonly #deps: ClientDeps;
  #open: Promise<Open> | undefined;
  #persistence: Promise<Persistence> | undefined;
  #isClosed = false;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** That of the session there is, or of a new one. @throws UnavailableError */
  open(): Promise<Open> {
    if (this.#isClosed)
      return Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the client is closed'));
    this.#open ??= this.#connect();
    return this.#open;
  }

  #connect(): Promise<Open> {
    // by now another session may be open, or on its way
    const forget = (): void => {
      if (this.#open === opening) this.#open = undefined;
    };
    const opening: Promise<Open> = this.#openBoard({ onLost: forget }).catch((error: unknown) => {
      forget();
      throw error;
    });
    return opening;
  }

  async #openBoard({ onLost }: { onLost: () => void }): Promise<Open> {
    const { coordination, sessionTimeoutMs = 10_000, connectTimeoutMs = 5_000 } = this.#deps;
    const session = await coordination.connect({ timeoutMs: sessionTimeoutMs, connectTimeoutMs });
    session.onState((state) => {
      if (state === 'lost') onLost();
    });
    try {
      const board = await this.#boardOn(session, this.#deps.board);
      return {
        board,
        others: new Map(),
        persistence: await answeredWithin(
          this.#deps.runtime.clock,
          connectTimeoutMs,
          this.#openStore(board.clusterId),
        ),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  #boardOn(session: CoordinationSession, board: string): Promise<JobBoard> {
    return JobBoard.open({ session, board, runtime: this.#deps.runtime, memberId: this.#deps.clientId });
  }

  /** Of the same cluster, on the same session. */
  otherBoard(name: string, { board, others }: Open): Promise<JobBoard> {
    const opening =
      others.get(name) ??
      this.#boardOn(board.session, name).catch((error: unknown) => {
        others.delete(name);
        throw error;
      });
    others.set(name, opening);
    return opening;
  }

  /** For all sessions: whoever asks again while the store is away waits for the same opening. */
  #openStore(clusterId: string): Promise<Persistence> {
    const { store, runtime } = this.#deps;
    this.#persistence ??= openPersistence({ store, runtime, clusterId }).catch((error: unknown) => {
      this.#persistence = undefined;
      throw error;
    });
    return this.#persistence;
  }

  /** Ends the session; `store` stays open. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = await this.#open?.catch(() => undefined);
    await open?.board.close();
    // a store that is away may keep it for half a minute: nobody waits for that
    void this.#persistence?.then(
      (persistence) => persistence.close(),
      () => undefined,
    );
  }
}
