import type { Client } from '@baton/client';

/** Something that is run by one command, on a cluster of its own on this machine: conductors, a worker, an embedded server. */
export interface Example {
  /** For help. */
  readonly about: string;
  /** Module with its tasks. */
  readonly tasks: string;
  /** Plays it, tells people what happens, and gives what came of it. */
  readonly play: (stage: ExampleStage) => Promise<object>;
}

export interface ExampleStage {
  readonly client: Client;
  /** How Baton is called here. */
  readonly program: string;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}
