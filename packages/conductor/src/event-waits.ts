/**
 * Purpose: has owned runs found by those who send the events that they wait for, and tells them of one that was sent before and is kept (C-1113).
 * States of a wait: in the journal of its run → noted, so that who sends finds it → looked for among what is kept → answered, forgotten.
 * What is authoritative: the journal. Each step is repeated by the next owner of a run; repeating one changes nothing.
 * On failure: a store that is away is the caller's; a wait that could not be forgotten costs who sends a look.
 * Not here: sending (@baton/client), and what an event does to a run (@baton/engine).
 */
import { codeOf, familyOf, type Runtime } from '@baton/core';
import type { AwaitEventCommand } from '@baton/engine';
import type { JobBoard } from '@baton/jobboard';
import { type KeptEvent, type OperatorCommand, type Persistence, toldOf } from '@baton/persistence';
import type { CommandWatch } from './command-watch.js';
import type { JobRunner } from './job-runner.js';
import { limits } from './options.js';
import type { OwnedState } from './owned-state.js';
import { Turnstile } from './turnstile.js';

interface Owner {
  /** Its clock is that of the cluster. */
  readonly runtime: Runtime;
  readonly board: Pick<JobBoard, 'name'>;
}

interface Waiting {
  readonly jobId: string;
  /** Of the attempt. */
  readonly requestId: string;
  readonly state: Pick<OwnedState, 'lastCommand' | 'missed'>;
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
  async open({ event: { name, key } }: AwaitEventCommand, waiting: Waiting): Promise<void> {
    const { events } = this.#store;
    const event = { board: this.#owner.board.name, name, key };
    await this.#turnstile.pass(async () => {
      await events.note(event, { requestId: waiting.requestId, flowId: waiting.jobId });
      for (const kept of await events.kept(event, this.#owner.runtime.clock.wallMs())) {
        if (!waiting.isOpen() || (await this.#tell(kept, waiting))) return;
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
  async #tell(kept: KeptEvent, { jobId, requestId, state }: Waiting): Promise<boolean> {
    const { command, key } = toldOf(kept);
    try {
      let n = await this.#given(jobId, command, key);
      if (n <= state.lastCommand && state.missed.has(n)) {
        const again = { ...command, arguments: { ...command.arguments, first: n } };
        n = await this.#given(jobId, again, `${key} ${requestId}`);
      }
      if (n <= state.lastCommand) return false;
    } catch (error) {
      if (familyOf(error) !== 'input' && codeOf(error) !== 'BATON_CONFLICT_KEY_REUSED') throw error;
      // what somebody has stored must not end who reads it, one after the other
      this.#owner.runtime.logger.warn('job.event-not-told', { jobId, eventId: kept.eventId, error });
      return false;
    }
    const runner = this.#owned.get(jobId);
    if (runner) await this.#commands.look([runner]);
    return true;
  }

  /** Mostly it is there. */
  async #given(jobId: string, command: OperatorCommand, key: string): Promise<number> {
    const { commands } = this.#store;
    return (await commands.find(jobId, command, key)) ?? commands.append(jobId, command, key);
  }
}
