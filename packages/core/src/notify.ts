/** Who is told how a job goes on (C-1404). */

/** One web hook. */
export interface NotifyTarget {
  /** http or https. */
  readonly url: string;
  /** Sent with each notification; may hold secrets, and is shown nowhere. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Types of events, `*` for any end: `run.*`, `atom.failed`. Default: `run.*`. */
  readonly events?: readonly string[];
}

/** What a web hook gets as JSON: what one entry of the journal says. The same `jobId` and `seq` again is the same notification again. */
export interface Notification {
  readonly jobId: string;
  readonly name: string;
  /** Ascending; numbers without an event that was asked for are left out. */
  readonly seq: number;
  /** Wall time of the owner, ms since 1970. */
  readonly atMs: number;
  readonly events: readonly NotifiedEvent[];
}

export interface NotifiedEvent {
  readonly type: string;
  /** An atom, or of routed flows an activation. */
  readonly atom?: string;
  readonly attempt?: number;
  readonly failure?: { readonly message: string; readonly types: readonly string[] };
  /** Who gave a command, and why. */
  readonly by?: string;
  readonly reason?: string;
}
