/**
 * What we use of node-zookeeper-client 1.1.3 (exact pin), its connection manager included: the published types lack that and
 * are wrong in places. 64-bit fields are buffers of 8 bytes.
 */
declare module 'node-zookeeper-client' {
  import type { Socket } from 'node:net';

  export interface Stat {
    readonly czxid: Buffer;
    readonly mzxid: Buffer;
    readonly ctime: Buffer;
    readonly mtime: Buffer;
    readonly version: number;
    readonly ephemeralOwner: Buffer;
  }

  /** `code` is the server's, or -4 for a lost connection. */
  export interface ClientError extends Error {
    readonly code: number;
  }

  type Callback<A extends unknown[]> = (error: ClientError | null | undefined, ...results: A) => void;

  export interface TransactionResult {
    readonly stat?: Stat;
    /** Of an operation of a failed transaction: 0, its own code, or -2 for those after the one that failed. */
    readonly err?: number;
  }

  export interface Transaction {
    readonly ops: { version?: number }[];
    create(path: string, data: Buffer, mode: number): this;
    setData(path: string, data: Buffer, version: number): this;
    remove(path: string, version: number): this;
    check(path: string, version: number): this;
    commit(callback: Callback<[results?: readonly TransactionResult[]]>): void;
  }

  /** Replaced by our own (watcher-registry.ts). */
  export interface WatcherManager {
    registerDataWatcher(path: string, watcher: () => void): void;
    registerExistenceWatcher(path: string, watcher: () => void): void;
    registerChildWatcher(path: string, watcher: () => void): void;
    getDataWatcherPaths(): string[];
    getExistenceWatcherPaths(): string[];
    getChildWatcherPaths(): string[];
    isEmpty(): boolean;
  }

  interface Packet {
    readonly callback: Callback<[]>;
  }

  /** lib/ConnectionManager.js. States: 0 disconnected, 1 connecting, 2 connected, -1 closing, -2 closed, -3 expired. */
  export interface ConnectionManager {
    state: number;
    socket: Socket | undefined;
    xid: number;
    sessionId: Buffer;
    sessionPassword: Buffer;
    sessionTimeout: number;
    watcherManager: WatcherManager;
    readonly servers: readonly { readonly host: string; readonly port: number | string }[];
    readonly packetQueue: { queue: Packet[] };
    readonly pendingQueue: readonly unknown[];
    connect(): void;
    close(): void;
    setState(state: number): void;
    cleanupPendingQueue(code: number): void;
    onSocketConnected(): void;
    onSocketData(frame: Buffer): void;
    onSocketDrain(): void;
    onSocketClosed(): void;
    onSocketTimeout(): void;
  }

  export interface Client {
    readonly connectionManager: ConnectionManager;
    create(path: string, data: Buffer, mode: number, callback: Callback<[path: string]>): void;
    remove(path: string, version: number, callback: Callback<[]>): void;
    setData(path: string, data: Buffer, version: number, callback: Callback<[stat: Stat]>): void;
    getData(
      path: string,
      watcher: (() => void) | undefined,
      callback: Callback<[data: Buffer | undefined, stat: Stat]>,
    ): void;
    exists(path: string, watcher: (() => void) | undefined, callback: Callback<[stat: Stat | null]>): void;
    getChildren(
      path: string,
      watcher: (() => void) | undefined,
      callback: Callback<[children: string[], stat: Stat]>,
    ): void;
    transaction(): Transaction;
  }

  const zookeeper: {
    createClient(
      servers: string,
      options: {
        readonly sessionTimeout: number;
        readonly retries: 0;
        readonly sessionId?: Buffer;
        readonly sessionPassword?: Buffer;
      },
    ): Client;
    readonly Exception: { create(code: number, path?: string): Error };
  };
  export default zookeeper;
}
