import type { Logger } from '@baton/core';
import type { Commands } from '@baton/persistence';
import type { JobRunner } from './job-runner.js';

interface Look {
  /** Asked for again since it began to read. */
  isAgain: boolean;
  isRead: Promise<boolean>;
}

/** Looks for operator commands of owned jobs: when nudged, when a job was claimed, and every few seconds (P-1108). Numbers decide what is new. */
export class CommandWatch {
  readonly #commands: Commands;
  readonly #logger: Logger;
  /** While the store is away looks must not pile up. */
  readonly #looks = new Map<JobRunner, Look>();

  constructor(commands: Commands, logger: Logger) {
    this.#commands = commands;
    this.#logger = logger;
  }

  /**
   * Hands each runner what it has not applied yet: all that was stored before this call, when it resolves with true. What cannot be read now is found by the
   * next look.
   */
  async look(runners: Iterable<JobRunner>): Promise<boolean> {
    const looks = Array.from(runners, (runner) => this.#lookFor(runner));
    return (await Promise.all(looks)).every(Boolean);
  }

  #lookFor(runner: JobRunner): Promise<boolean> {
    const underWay = this.#looks.get(runner);
    if (underWay !== undefined) {
      underWay.isAgain = true;
      return underWay.isRead;
    }
    const look: Look = { isAgain: false, isRead: Promise.resolve(false) };
    this.#looks.set(runner, look);
    look.isRead = this.#read(runner, look);
    return look.isRead;
  }

  async #read(runner: JobRunner, look: Look): Promise<boolean> {
    const { jobId, turns } = runner;
    try {
      do {
        look.isAgain = false;
        for (const command of await this.#commands.after(jobId, turns.lastCommand)) turns.command(command);
        runner.commandsRead();
      } while (look.isAgain);
      return true;
    } catch (error) {
      this.#logger.debug('job.commands-unknown', { jobId, error });
      return false;
    } finally {
      this.#looks.delete(runner);
    }
  }
}
