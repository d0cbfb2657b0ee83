/** Time, as the protocols see it. Decisions that must agree between hosts never use `wallMs`. */
export interface Clock {
  /** Milliseconds since 1970 by the clock of the host, for display and records only; where a conductor decides, by that of the cluster (P-1106). */
  wallMs(): number;
  /** Milliseconds that never go back; only differences mean anything. */
  monotonicMs(): number;
  /** Calls back once after at least `delayMs`, however long that is; the answer cancels. A pending timer does not keep a process alive by itself. */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** Calls back in a later turn of the event loop, before any timer: what falls together until then can be batched. */
  setImmediate(callback: () => void): void;
}

/** Randomness, so that a simulation can replay it. */
export interface Random {
  /** A new ULID: 26 characters, sortable by creation time. */
  ulid(): string;
  /** 128 random bits, hexadecimal. */
  nonce(): string;
  /** In [0, 1). */
  fraction(): number;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Libraries log through this and never import a logging library. Fields, not interpolated text; one stable `msg` per event. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What every service is given. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
