import type { Client } from '@baton/client';

/** What an example is played on: a cluster of its own on this machine. */
export interface ExampleStage {
  readonly client: Client;
  /** How Baton is called here. */
  readonly program: string;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}
