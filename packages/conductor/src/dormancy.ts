/**
 * Purpose: puts owned jobs to sleep that wait for nothing but a time, an answer or a person: they then hold no conductor, claim or memory (C-209, P-1101).
 * States of a job here: awake → at rest (seen so by one look) → falling asleep (it decides nothing) → asleep, and not ours any more; or awake again.
 * What is authoritative: the transaction on the board. Who stores an answer or a command looks for the dormant node afterwards; here they are looked for
 *   once more after the transaction: one of the two always sees the other (P-1103).
 * On failure: a job that could not be put to sleep goes on; one of which it is not known whether a command came is woken.
 * Not here: waking when a timer is due (`dormant-watch.ts`).
 */
import { codeOf, type Logger } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import type { Persistence } from '@baton/persistence';
import type { CommandWatch } from './command-watch.js';
import type { JobRunner } from './job-runner.js';
import { limits } from './options.js';

interface DormancyDeps {
  readonly board: Pick<JobBoard, 'sleep' | 'dormant'>;
  readonly persistence: Pick<Persistence, 'commands' | 'readModels'>;
  readonly commands: CommandWatch;
  readonly logger: Logger;
}

export class Dormancy {
  readonly #deps: DormancyDeps;
  /** Seen at rest by the last look, and where its journal stood. */
  #atRest = new Map<JobRunner, number>();
  readonly #falling = new Set<JobRunner>();

  constructor(deps: DormancyDeps) {
    this.#deps = deps;
  }

  /** What was at rest at the last look, and has been ever since as far as its journal tells, is put to sleep. */
  look(runners: Iterable<JobRunner>): void {
    const before = this.#atRest;
    this.#atRest = new Map();
    for (const runner of runners) {
      if (this.#falling.has(runner) || runner.waits === undefined) continue;
      this.#atRest.set(runner, runner.seq);
      if (before.get(runner) === runner.seq && this.#falling.size < limits.fallingAsleepMax)
        void this.#putToSleep(runner);
    }
  }

  async #putToSleep(runner: JobRunner): Promise<void> {
    const { jobId } = runner;
    this.#falling.add(runner);
    runner.hold();
    const lastCommand = await this.#sleep(runner).finally(() => {
      this.#falling.delete(runner);
      runner.goOn();
    });
    if (lastCommand !== undefined) await this.#lookAgain(jobId, lastCommand);
  }

  /** The last command it knew; undefined: it does not sleep, or nobody here may say so. */
  async #sleep(runner: JobRunner): Promise<number | undefined> {
    const { jobId, claim } = runner;
    const { board, persistence, commands, logger } = this.#deps;
    try {
      if (!(await commands.look([runner]))) return undefined;
      await persistence.readModels.written(jobId);
      const { waits } = runner;
      if (waits === undefined) return undefined;
      await board.sleep(claim, waits);
      logger.debug('job.asleep', { jobId, ...waits });
      runner.stop('asleep');
      return waits.lastCommand;
    } catch (error) {
      logger.debug('job.not-asleep', { jobId, error });
      const code = codeOf(error);
      if (code === 'BATON_CONFLICT_CLAIM_LOST' || code === 'BATON_NOT_FOUND_JOB') runner.stop('fenced');
      return undefined;
    }
  }

  /** What is not found, or not woken, now is found by the sweep. */
  async #lookAgain(jobId: string, lastCommand: number): Promise<void> {
    const { board, persistence, logger } = this.#deps;
    const isAwaited = await persistence.commands.after(jobId, lastCommand).then(
      ({ length }) => length > 0,
      () => true,
    );
    if (!isAwaited) return;
    await board.dormant
      .wakeAny(jobId)
      .catch((error: unknown) => logger.debug('job.not-woken', { jobId, error }));
  }
}
