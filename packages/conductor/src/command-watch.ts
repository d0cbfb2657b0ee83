import type { Logger } from '@baton/core';
import type { Commands } from '@baton/persistence';
import type { JobRunner } from './job-runner.js';

interface Look {
  readonly isRead: Promise<boolean>;
  /** For all who asked since it began to read. */
  next?: Promise<boolean>;
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

  /** Whoever asks waits for the look under way and the next one, however many ask. */
  #lookFor(runner: JobRunner): Promise<boolean> {
    const underWay = this.#looks.get(runner);
    if (underWay === undefined) return this.#begin(runner);
    underWay.next ??= underWay.isRead.then((isRead) =>
      // somebody who asked in between may have begun it
      isRead ? (this.#looks.get(runner)?.isRead ?? this.#begin(runner)) : false,
    );
    return underWay.next;
  }

  #begin(runner: JobRunner): Promise<boolean> {
    const isRead = this.#read(runner);
    this.#looks.set(runner, { isRead });
    return isRead;
  }

  async #read(runner: JobRunner): Promise<boolean> {
    const { jobId, turns } = runner;
    try {
      for (const command of await this.#commands.after(jobId, turns.lastCommand)) turns.command(command);
      runner.commandsRead();
      return true;
    } catch (error) {
      this.#logger.debug('job.commands-unknown', { jobId, error });
      return false;
    } finally {
      this.#looks.delete(runner);
    }
  }
}
