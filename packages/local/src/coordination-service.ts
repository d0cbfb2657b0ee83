/**
 * Purpose: the server's side of Coordination: sessions, their ephemerals and watches, over the tree.
 * States of a session: open → ended (closed, connection gone, silent for its timeout, ended by token), final.
 * What is authoritative: the tree in memory; persistent nodes are written through to storage within the turn, ephemerals never.
 * On failure: a session lives in one connection of one run of the server: a SIGKILLed client's socket is closed by the kernel,
 * and its ephemerals vanish in the same turn. After a restart of the server all sessions are over.
 * Not here: sockets, commit.
 */
import { randomBytes } from 'node:crypto';
import { type LastWords, type Logger, type NodeStat, UnavailableError } from '@baton/core';
import type { Handlers, Peer } from './handlers.js';
import { ancestry, parentOf } from './node-path.js';
import { NodeTree, statOf, type TreeChange, type TreeNode } from './node-tree.js';
import { SilenceTimer } from './silence-timer.js';
import type { Storage } from './storage.js';
import { WatchTable } from './watch-table.js';

interface Session {
  readonly id: bigint;
  readonly secret: string;
  readonly peer: Peer;
  readonly silence: SilenceTimer;
  readonly ephemerals: Set<string>;
}

interface NodeRow {
  readonly path: string;
  readonly data: Uint8Array;
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly version: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
}

export class CoordinationService {
  readonly #logger: Logger;
  readonly #tree: NodeTree;
  readonly #sessions = new Map<bigint, Session>();
  readonly #byPeer = new Map<Peer, Session>();
  readonly #watches = { changed: new WatchTable<Session>(), children: new WatchTable<Session>() };
  readonly #store: (path: string, node: TreeNode) => void;
  readonly #erase: (path: string) => void;
  #lastSessionId: bigint;

  constructor({ storage, logger }: { readonly storage: Storage; readonly logger: Logger }) {
    this.#logger = logger;
    // the run's number above a counter, as ZooKeeper's epoch: ids rise over restarts although ephemerals leave no trace on disk
    this.#tree = new NodeTree(BigInt(storage.epoch) << 40n, Date.now);
    this.#lastSessionId = BigInt(storage.epoch) << 32n;
    storage.define(`CREATE TABLE IF NOT EXISTS nodes (path TEXT PRIMARY KEY, data BLOB NOT NULL, czxid INTEGER NOT NULL,
      mzxid INTEGER NOT NULL, version INTEGER NOT NULL, ctime INTEGER NOT NULL, mtime INTEGER NOT NULL) WITHOUT ROWID`);
    const rows = storage.query<NodeRow>('SELECT * FROM nodes ORDER BY path', { bigints: true })();
    for (const row of rows) this.#tree.restore(row.path, nodeOf(row)); // a parent sorts before its children
    const upsert = storage.statement('INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#store = (path, { data, czxid, mzxid, version, ctimeMs, mtimeMs }) =>
      upsert(path, data, czxid, mzxid, version, ctimeMs, mtimeMs);
    this.#erase = storage.statement('DELETE FROM nodes WHERE path = ?');
  }

  readonly handlers: Handlers<'session' | 'node'> = {
    'session.open': ({ timeoutMs, root }, peer) => this.#open(peer, timeoutMs, root),
    'session.ping': () => null,
    'session.close': (_request, peer) => {
      this.#end(this.#byPeer.get(peer));
      return null;
    },
    'session.end': ({ token, lastWords }) => {
      const session = /^\d+$/.test(token.sessionId) ? this.#sessions.get(BigInt(token.sessionId)) : undefined;
      if (session?.secret !== token.secret) return null;
      if (lastWords !== undefined) this.#say(lastWords, session);
      this.#expire(session, 'it was ended by its token');
      return null;
    },
    'node.get': ({ path, watch }, peer) => {
      const session = this.#sessionOf(peer);
      const node = this.#tree.get(path);
      if (watch) this.#watches.changed.add(path, session);
      return { data: node.data, stat: statOf(node) };
    },
    'node.exists': ({ path, watch }, peer): NodeStat | undefined => {
      const session = this.#sessionOf(peer);
      const node = this.#tree.find(path);
      if (watch) this.#watches.changed.add(path, session);
      return node === undefined ? undefined : statOf(node);
    },
    'node.children': ({ path, watch }, peer) => {
      const session = this.#sessionOf(peer);
      const names = this.#tree.children(path);
      if (watch) this.#watches.children.add(path, session);
      return names;
    },
    'node.transact': ({ operations }, peer) => {
      const { zxid, changes, stats } = this.#tree.transact(operations, this.#sessionOf(peer).id);
      this.#publish(changes);
      return { zxid, stats };
    },
  };

  /** Anything came from the client. */
  heard(peer: Peer): void {
    this.#byPeer.get(peer)?.silence.heard();
  }

  /** The connection is over, and with it its session. */
  gone(peer: Peer): void {
    this.#end(this.#byPeer.get(peer));
  }

  /** Stops all timers; nobody is told. */
  close(): void {
    for (const session of this.#sessions.values()) session.silence.stop();
  }

  #open(peer: Peer, timeoutMs: number, root: string): { id: bigint; secret: string } {
    if (this.#byPeer.has(peer))
      throw new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'this connection has a session already');
    this.#makeRoot(root);
    const id = ++this.#lastSessionId;
    const session: Session = {
      id,
      secret: randomBytes(16).toString('hex'),
      peer,
      silence: new SilenceTimer({
        limitMs: timeoutMs,
        onSilence: () => this.#expire(session, `nothing was heard for ${timeoutMs} ms`),
      }),
      ephemerals: new Set(),
    };
    this.#sessions.set(id, session);
    this.#byPeer.set(peer, session);
    return { id, secret: session.secret };
  }

  #makeRoot(root: string): void {
    for (const path of ancestry(root)) {
      if (this.#tree.find(path) !== undefined) continue;
      this.#publish(this.#tree.transact([{ type: 'create', path, data: new Uint8Array() }], 0n).changes);
    }
  }

  #sessionOf(peer: Peer): Session {
    const session = this.#byPeer.get(peer);
    if (session === undefined)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_SESSION_LOST',
        'the session is over, or was never opened',
      );
    return session;
  }

  #say({ path, data }: LastWords, { id }: Session): void {
    // there may be no such node: the session ends all the same
    if (this.#tree.find(path) !== undefined)
      this.#publish(this.#tree.transact([{ type: 'set', path, data }], id).changes);
  }

  #expire(session: Session, reason: string): void {
    this.#logger.info('session expired', { sessionId: session.id.toString(16), reason });
    session.peer.tell({ event: 'expired', reason });
    this.#end(session);
    session.peer.end();
  }

  #end(session: Session | undefined): void {
    if (session === undefined) return;
    session.silence.stop();
    this.#sessions.delete(session.id);
    this.#byPeer.delete(session.peer);
    this.#watches.changed.drop(session);
    this.#watches.children.drop(session);
    const deletes = [...session.ephemerals].map((path) => ({ type: 'delete', path }) as const);
    if (deletes.length > 0) this.#publish(this.#tree.transact(deletes, session.id).changes);
  }

  #publish(changes: readonly TreeChange[]): void {
    for (const change of changes) {
      this.#keep(change);
      this.#notify('changed', change.path);
      if (change.type === 'deleted') this.#notify('children', change.path);
      if (change.type !== 'changed') this.#notify('children', parentOf(change.path));
    }
  }

  #keep({ type, path, node }: TreeChange): void {
    const ephemerals = this.#sessions.get(node.ephemeralOwner)?.ephemerals;
    if (type === 'created') ephemerals?.add(path);
    if (type === 'deleted') ephemerals?.delete(path);
    if (node.ephemeralOwner !== 0n) return;
    if (type === 'deleted') this.#erase(path);
    else this.#store(path, node);
  }

  #notify(event: 'changed' | 'children', path: string): void {
    for (const session of this.#watches[event].take(path)) session.peer.tell({ event, path });
  }
}

function nodeOf({ data, czxid, mzxid, version, ctime, mtime }: NodeRow): TreeNode {
  return {
    data,
    czxid,
    mzxid,
    version: Number(version),
    ctimeMs: Number(ctime),
    mtimeMs: Number(mtime),
    ephemeralOwner: 0n,
  };
}
