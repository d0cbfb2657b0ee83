import type { Invocation } from './invocation.js';

/** What a command does: gets its arguments and flags, gives the exit code. */
export type Action<F> = (invocation: Invocation, args: readonly string[], flags: F) => Promise<number>;

/** Makes a commander action of it: errors become a line and an exit code, services are closed. */
export type Run = <F>(action: Action<F>) => (...args: unknown[]) => Promise<void>;
