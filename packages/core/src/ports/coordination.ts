/**
 * Coordination: the first of the three primitives (DESIGN 4). A tree of small nodes with versions, ephemerals owned by
 * sessions, conditional transactions, and one-shot change notices. ZooKeeper's model; contract suite in @baton/testkit.
 *
 * Paths are absolute below the root the substrate was given (chroot): `/meta`, `/boards/default/jobs/0a/J1.0`.
 *
 * Errors of every operation (thrown by rejecting):
 *  - `BATON_NOT_FOUND_NODE`, `BATON_CONFLICT_NODE_EXISTS`, `BATON_CONFLICT_BAD_VERSION`, `BATON_CONFLICT_NOT_EMPTY`: decided by the service; nothing changed.
 *  - `BATON_INPUT_TOO_LARGE`: refused on our side before sending (an oversized write would cut the whole session).
 *  - `BATON_UNAVAILABLE_DISCONNECTED`: session suspended, nothing was sent.
 *  - `BATON_UNAVAILABLE_OUTCOME_UNKNOWN`: sent, no answer: it may have happened, may still happen in this session, or never.
 *  - `BATON_UNAVAILABLE_SESSION_LOST`: the session is over. Operations are bound to their session and never replayed on another.
 */

/** Reading side of a node. Times are the service's; zxids order all changes of one cluster. */
export interface NodeStat {
  /** Transaction that created the node: an ephemeral lock's czxid is its owner's fence. */
  readonly czxid: bigint;
  /** Transaction that last changed its data. */
  readonly mzxid: bigint;
  /** Raised by one at each `set`; 0 after creation. */
  readonly version: number;
  /** Milliseconds since 1970, by the service. */
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /** Session that owns an ephemeral; 0n for a persistent node. */
  readonly ephemeralOwner: bigint;
}

export interface NodeData {
  readonly data: Uint8Array;
  readonly stat: NodeStat;
}

/** One operation of a `multi`. `version` undefined = any; 0 means exactly 0. */
export type NodeOperation =
  | {
      readonly type: 'create';
      readonly path: string;
      readonly data: Uint8Array;
      readonly ephemeral?: boolean;
    }
  | { readonly type: 'set'; readonly path: string; readonly data: Uint8Array; readonly version?: number }
  | { readonly type: 'delete'; readonly path: string; readonly version?: number }
  | { readonly type: 'check'; readonly path: string; readonly version: number };

/**
 * Called at most once, for the next change after the read that set it: data or existence of the node (`get`, `exists`), or
 * its set of children (`children`). Changes in between are not told one by one. Never called for a session that is lost;
 * a suspended session may call late. Setting the same function on the same path twice counts once.
 */
export type NodeWatcher = () => void;

export type SessionState = 'connected' | 'suspended' | 'lost';

/** What ends a session from outside (the guard). Secret: memory and inherited pipes only, never disk, logs or arguments. */
export interface SessionToken {
  readonly sessionId: string;
  readonly secret: string;
}

/**
 * One session. `connected` → `suspended` (start nothing new, do nothing irreversible outside the fenced store) → `connected`
 * or → `lost` (final). All operations of one session are applied in the order they were issued. At most about 1,000 should
 * be in flight; the substrate queues above its own bound.
 */
export interface CoordinationSession {
  readonly id: bigint;
  readonly timeoutMs: number;
  readonly token: SessionToken;
  readonly state: SessionState;
  /** Tells each state after the present one; the answer unsubscribes. */
  onState(listener: (state: SessionState) => void): () => void;
  create(path: string, data: Uint8Array, options?: { readonly ephemeral?: boolean }): Promise<void>;
  get(path: string, watcher?: NodeWatcher): Promise<NodeData>;
  /** The stat, or undefined when there is no such node; the watcher also notices its creation. */
  exists(path: string, watcher?: NodeWatcher): Promise<NodeStat | undefined>;
  /** Names (not paths) in no particular order. */
  children(path: string, watcher?: NodeWatcher): Promise<readonly string[]>;
  set(path: string, data: Uint8Array, version?: number): Promise<NodeStat>;
  delete(path: string, version?: number): Promise<void>;
  /**
   * All or nothing. `zxid` is the transaction's id: equal to the czxid of what it created and the mzxid of what it set; it is
   * known only when the operations hold a `set` (ZooKeeper tells it nowhere else), undefined otherwise. On failure the
   * error is that of the first operation that failed, its `details.index` tells which.
   */
  multi(operations: readonly NodeOperation[]): Promise<{ readonly zxid: bigint | undefined }>;
  /** After it, reads see everything that was decided before it was called, this session's own in-flight operations included. */
  barrier(): Promise<void>;
  /** Ends the session: its ephemerals vanish at once. Idempotent; never throws. */
  close(): Promise<void>;
}

/** A node that a session sets before it ends. A hint to others, no more: it may be lost. */
export interface LastWords {
  readonly path: string;
  readonly data: Uint8Array;
}

export interface Coordination {
  /**
   * Opens a new session. Waits until connected; gives up with `BATON_UNAVAILABLE_DISCONNECTED` after `connectTimeoutMs`.
   */
  connect(options: {
    readonly timeoutMs: number;
    readonly connectTimeoutMs?: number;
  }): Promise<CoordinationSession>;
  /**
   * Ends somebody's session, for a process known to be dead (attach, close). An expired session or wrong secret is no error.
   * Resolves once the service has confirmed, within `timeoutMs` or rejects with an UnavailableError.
   *
   * `lastWords` are sent with the end of the session, in no round trip of their own: whoever sees its ephemerals gone sees them. Words that
   * cannot be said (no such node, too large, the session is over already) keep no session alive and are no error.
   */
  endSession(
    token: SessionToken,
    options: { readonly timeoutMs: number; readonly lastWords?: LastWords },
  ): Promise<void>;
}
