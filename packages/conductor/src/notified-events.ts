/** What a journal entry says, in the words of notifications (C-1405): pure. */
import type { Fact, Failure, JournalEntry, NotifiedEvent } from '@baton/core';

/** States that are told, in the order of the life of a run. What is not here is no event. */
export const eventWords: Readonly<Record<'run' | 'atom', Readonly<Record<string, string>>>> = {
  run: {
    ...{ RUNNING: 'started', SUSPENDING: 'suspending', SUSPENDED: 'suspended', SUCCESS: 'succeeded' },
    ...{ FAILURE: 'failed', REVERTED: 'reverted', CANCELLED: 'cancelled' },
  },
  atom: {
    ...{
      WAITING: 'waiting',
      DELAYED: 'delayed',
      RUNNING: 'started',
      RETRYING: 'retrying',
      SUCCESS: 'succeeded',
    },
    ...{ FAILURE: 'failed', IGNORE: 'ignored', SKIPPED: 'skipped', CANCELLED: 'cancelled' },
    ...{ REVERTING: 'reverting', REVERTED: 'reverted', REVERT_FAILURE: 'revert-failed' },
  },
};

/** In the order they happened. */
export function notifiedEvents(entry: JournalEntry): readonly NotifiedEvent[] {
  const events = entry.facts.flatMap((fact) => eventOf(fact) ?? []);
  if (entry.kind !== 'terminal') return events;
  const type = `run.${eventWords.run[entry.outcome]}`;
  if (events.some((event) => event.type === type)) return events;
  // it ended without the engine
  return [...events, { type, ...(entry.reason && { failure: briefly(entry.reason) }) }];
}

/** Whether an event is one of these types; `run.*` stands for all that begin so. */
export function isAskedFor({ type }: NotifiedEvent, events: readonly string[] = ['run.*']): boolean {
  return events.some((wanted) =>
    wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted,
  );
}

function eventOf(fact: Fact): NotifiedEvent | undefined {
  switch (fact.fact) {
    case 'flow': {
      const goesOn = fact.to === 'RUNNING' && fact.from !== 'PENDING';
      const word = goesOn ? 'resumed' : eventWords.run[fact.to];
      return word === undefined ? undefined : { type: `run.${word}` };
    }
    case 'atom':
      return ofAtom(fact.atom, fact);
    case 'activation':
      return ofAtom(fact.activation, fact);
    case 'attempt':
      return { type: 'atom.attempt-failed', atom: fact.atom, failure: briefly(fact.failure) };
    case 'command':
      return {
        type: `command.${fact.command}`,
        ...(fact.by !== undefined && { by: fact.by }),
        ...(fact.reason !== undefined && { reason: fact.reason }),
      };
    default:
      return undefined;
  }
}

function ofAtom(
  atom: string,
  { to, attempt, failure }: { readonly to: string; readonly attempt?: number; readonly failure?: Failure },
): NotifiedEvent | undefined {
  const word = eventWords.atom[to];
  if (word === undefined) return undefined;
  return {
    ...{ type: `atom.${word}`, atom },
    ...(attempt !== undefined && { attempt }),
    ...(failure && { failure: briefly(failure) }),
  };
}

const MESSAGE_CHARACTERS_MAX = 1_000;

/** No stack, no data: they may hold what is nobody else's. */
function briefly({ message, types }: Failure): {
  readonly message: string;
  readonly types: readonly string[];
} {
  return { message: message.slice(0, MESSAGE_CHARACTERS_MAX), types };
}
