import type { Fact } from '@baton/core';
import type { Event } from '@baton/engine';
import type { NumberedCommand } from '@baton/persistence';

/** Commands this version does not know are recorded and change nothing: a newer client may be about. */
export function eventOf(command: NumberedCommand): Event | undefined {
  switch (command.command) {
    case 'cancel':
      return { type: 'cancel', revert: command.arguments?.['revert'] !== false };
    case 'suspend':
    case 'resume':
      return { type: command.command };
    default:
      return undefined;
  }
}

/** What becomes of a request that waits for a person (P-932), and of which atom. */
export function answerToParked({
  command,
  arguments: given,
}: NumberedCommand): { readonly atom: string; readonly answer: 'rerun' | 'fail' } | undefined {
  const atom = given?.['atom'];
  if (typeof atom !== 'string') return undefined;
  if (command === 'rerun-task') return { atom, answer: 'rerun' };
  return command === 'fail-task' ? { atom, answer: 'fail' } : undefined;
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
