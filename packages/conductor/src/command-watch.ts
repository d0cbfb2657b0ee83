import type { Logger } from '@baton/core';
import type { Commands } from '@baton/persistence';
import type { JobRunner } from './job-runner.js';

/** Looks for operator commands of owned jobs: when nudged, when a job was claimed, and every few seconds (P-1108). Numbers decide what is new. */
export class CommandWatch {
  readonly #commands: Commands;
  readonly #logger: Logger;
  /** Who is being looked for; true: asked for again since that began. While the store is away looks must not pile up. */
  readonly #looking = new Map<JobRunner, boolean>();

  constructor(commands: Commands, logger: Logger) {
    this.#commands = commands;
    this.#logger = logger;
  }

  /** Hands each runner what it has not applied yet. What cannot be read now is found by the next look. */
  async look(runners: Iterable<JobRunner>): Promise<void> {
    await Promise.all(Array.from(runners, (runner) => this.#lookFor(runner)));
  }

  async #lookFor(runner: JobRunner): Promise<void> {
    const { jobId, turns } = runner;
    const isLookedFor = this.#looking.has(runner);
    this.#looking.set(runner, isLookedFor);
    if (isLookedFor) return;
    try {
      do {
        this.#looking.set(runner, false);
        for (const command of await this.#commands.after(jobId, turns.lastCommand)) turns.command(command);
        runner.commandsRead();
      } while (this.#looking.get(runner) === true);
    } catch (error) {
      this.#logger.debug('job.commands-unknown', { jobId, error });
    } finally {
      this.#looking.delete(runner);
    }
  }
}
