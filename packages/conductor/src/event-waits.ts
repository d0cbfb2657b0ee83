/**
 * Purpose: has owned runs found by those who send the events that they wait for, and tells them of one that was sent before and is kept (C-1113).
 * States of a wait: in the journal of its run → noted, so that who sends finds it → looked for among what is kept → answered, forgotten.
 * What is authoritative: the journal. Each step is repeated by the next owner of a run; repeating one changes nothing.
 * On failure: a store that is away is the caller's; a wait that could not be forgotten costs who sends a look.
 * Not here: sending (@baton/client), and what an event does to a run (@baton/engine).
 */
import { codeOf, type Runtime } from '@baton/core';
import type { AwaitEventCommand } from '@baton/engine';
import type { JobBoard } from '@baton/jobboard';
import { type KeptEvent, type Persistence, toldOf } from '@baton/persistence';
import type { CommandWatch } from './command-watch.js';
import type { JobRunner } from './job-runner.js';
import { limits } from './options.js';
import { Turnstile } from './turnstile.js';

interface Owner {
  /** Its clock is that of the cluster. */
  readonly runtime: Runtime;
  readonly board: Pick<JobBoard, 'name'>;
}

interface Waiting {
  readonly jobId: string;
  /** It waits still. */
  readonly isOpen: () => boolean;
}

export class EventWaits {
  readonly #owner: Owner;
  readonly #store: Pick<Persistence, 'commands' | 'events'>;
  readonly #owned: ReadonlyMap<string, JobRunner>;
  readonly #commands: CommandWatch;
  readonly #turnstile = new Turnstile(limits.eventWaitsMax);

  /** `owned`: jobs whose commands are looked for here. */
  constructor(
    owner: Owner,
    store: Pick<Persistence, 'commands' | 'events'>,
    owned: ReadonlyMap<string, JobRunner>,
    commands: CommandWatch,
  ) {
    this.#owner = owner;
    this.#store = store;
    this.#owned = owned;
    this.#commands = commands;
  }

  /** Once the turn that waits is stored. @throws UnavailableError */
  async open({ event: { name, key }, requestId }: AwaitEventCommand, waiting: Waiting): Promise<void> {
    const { events } = this.#store;
    const event = { board: this.#owner.board.name, name, key };
    await this.#turnstile.pass(async () => {
      await events.note(event, { requestId, flowId: waiting.jobId });
      for (const kept of await events.kept(event, this.#owner.runtime.clock.wallMs())) {
        if (!waiting.isOpen() || (await this.#tell(kept, waiting.jobId))) return;
      }
    });
  }

  /** Never throws. */
  async forget(requestIds: readonly string[]): Promise<void> {
    await this.#store.events.forget(requestIds).catch((error: unknown) => {
      this.#owner.runtime.logger.debug('job.event-waits-left', { requestIds, error });
    });
  }

  /** Whether the event answers what waits now; each does so in a run once, also one that was not kept for it. */
  async #tell(kept: KeptEvent, jobId: string): Promise<boolean> {
    const { commands } = this.#store;
    const { command, key } = toldOf(kept);
    const runner = this.#owned.get(jobId);
    try {
      const before = await commands.find(jobId, command, key);
      if (before !== undefined && before <= (runner?.turns.lastCommand ?? 0)) return false;
      if (before === undefined) await commands.append(jobId, command, key);
    } catch (error) {
      if (codeOf(error) !== 'BATON_CONFLICT_KEY_REUSED') throw error;
      return false;
    }
    if (runner) await this.#commands.look([runner]);
    return true;
  }
}
