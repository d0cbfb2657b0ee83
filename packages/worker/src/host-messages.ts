/** What a worker and a thread or process in which it runs an isolated task say to each other: plain data, copied on its way. */
import type { LogFields, Logger, TaskRequest } from '@baton/core';
import type { AbortKind } from './abort-reason.js';
import type { AttemptEnd, AttemptLimits } from './attempt.js';
import type { IsolatedTask } from './registered-task.js';

export interface RunMessage {
  readonly type: 'run';
  /**
   * Counts what one thread or process has run. All that is said of a run bears it: an order to stop may cross the end of what it was meant for,
   * and whoever hears of another run than the present one does nothing.
   */
  readonly run: number;
  readonly request: TaskRequest;
  readonly worker: string;
  readonly limits: AttemptLimits;
}

export type ToHost =
  | RunMessage
  | { readonly type: 'abort'; readonly run: number; readonly kind: AbortKind; readonly message: string };

export type FromHost =
  | { readonly type: 'ready' }
  /** Its module cannot be loaded, or lacks the task: it is of no use. */
  | { readonly type: 'unfit'; readonly reason: string }
  /** The signal of the task is aborted, so its event loop turns. */
  | { readonly type: 'told'; readonly run: number }
  | {
      readonly type: 'progress';
      readonly run: number;
      readonly fraction: number;
      readonly message: string | undefined;
    }
  | {
      readonly type: 'log';
      readonly level: keyof Logger;
      readonly message: string;
      readonly fields: LogFields;
    }
  | { readonly type: 'ended'; readonly run: number; readonly end: AttemptEnd };

/** A thread or process that was started. */
export interface HostPort {
  /** How it ended, for people: `exit code 3`, `signal SIGSEGV`. Never rejects. */
  readonly ended: Promise<string>;
  /** Dropped when it has ended. */
  send(message: ToHost): void;
  /** At once, whatever it does, but for a thread in a native call: Node ends it when the call returns. */
  kill(): void;
}

/**
 * Starts a thread or process that loads the module and serves it with `serveTasks`. Messages come in the order in which they were sent.
 */
export type StartHost = (
  options: { readonly isolation: IsolatedTask['isolation']; readonly module: string },
  onMessage: (message: FromHost) => void,
) => HostPort;
