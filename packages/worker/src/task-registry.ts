import { DefinitionError } from '@baton/core';
import { isolations } from '@baton/flow';
import type { RegisteredTask } from './registered-task.js';

interface Version {
  readonly major: number;
  readonly minor: number;
}
interface Offer extends Version {
  readonly task: RegisteredTask;
}

/**
 * The tasks a worker offers, fixed when it is made: a request finds one by a Map lookup and never loads code (P-916).
 * @throws DefinitionError `BATON_DEFINITION_DUPLICATE_TASK` for two tasks of one name and version,
 *   `BATON_DEFINITION_INVALID` for a version that is not `major.minor` or an isolation that does not exist.
 */
export class TaskRegistry {
  readonly #offers: ReadonlyMap<string, readonly Offer[]>;

  constructor(tasks: Iterable<RegisteredTask>) {
    const offers = new Map<string, Offer[]>();
    for (const task of tasks) {
      const version = parseVersion(task.version);
      if (version === undefined)
        throw new DefinitionError(
          'BATON_DEFINITION_INVALID',
          `version ${JSON.stringify(task.version)} of task ${task.name} is not major.minor, for example 1.0`,
        );
      if (task.isolation !== undefined && !isolations.includes(task.isolation))
        throw new DefinitionError(
          'BATON_DEFINITION_INVALID',
          `isolation ${JSON.stringify(task.isolation)} of task ${task.name} is none of ${isolations.join(', ')}`,
        );
      const known = offers.get(task.name) ?? [];
      if (known.some(({ major, minor }) => major === version.major && minor === version.minor))
        throw new DefinitionError(
          'BATON_DEFINITION_DUPLICATE_TASK',
          `two tasks are named ${task.name} and have version ${task.version}: rename one, or raise its version`,
        );
      known.push({ task, ...version });
      known.sort((a, b) => b.major - a.major || b.minor - a.minor);
      offers.set(task.name, known);
    }
    this.#offers = offers;
  }

  /** The highest minor of the same major that is not below the one asked for (engine.md E-1305). */
  find(name: string, version: string): RegisteredTask | undefined {
    const asked = parseVersion(version);
    if (asked === undefined) return undefined;
    const offers = this.#offers.get(name);
    return offers?.find(({ major, minor }) => major === asked.major && minor >= asked.minor)?.task;
  }

  /** What the worker tells about itself. */
  listing(): readonly { readonly name: string; readonly version: string }[] {
    return [...this.#offers.values()].flat().map(({ task }) => ({ name: task.name, version: task.version }));
  }
}

function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,6})\.(\d{1,6})$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}
