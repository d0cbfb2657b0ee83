import type { Fact } from '@baton/core';
import type { Event } from '@baton/engine';
import type { NumberedCommand } from '@baton/persistence';

/** Commands this version does not know are recorded and change nothing: a newer client may be about. */
export function eventOf(command: NumberedCommand): Event | undefined {
  return command.command === 'cancel'
    ? { type: 'cancel', revert: command.arguments?.['revert'] !== false }
    : undefined;
}

export function commandFact({ n, command, by, reason }: NumberedCommand): Fact {
  return {
    fact: 'command',
    n,
    command,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}
