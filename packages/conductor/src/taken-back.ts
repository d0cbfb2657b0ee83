import type { Fact } from '@baton/core';
import { isHalting, stepAny, type Command, type Turn } from '@baton/engine';
import type { FlowTurns } from './flow-turns.js';
import type { OpenRequest } from './request-table.js';

interface InboxPlace {
  readonly replyPartition: number;
  readonly replyFrom: number;
}

/**
 * While a run is being suspended nothing is sent: what no worker has is asked for again when the run goes on (E-823, C-1302), by whoever
 * owns it then. Of a run that was stopped it never begins (C-1306).
 */
export function takenBack(
  { state, flight, timers }: Pick<FlowTurns, 'state' | 'flight' | 'timers'>,
  place: () => InboxPlace,
): Turn {
  const facts: Fact[] = [];
  const commands: Command[] = [];
  if (!isHalting(state.run)) return { facts, commands };
  for (const requestId of [...flight.unassigned()]) {
    const open = flight.openOf(requestId);
    const losses = flight.lossesOf(requestId) ?? open?.losses ?? 0;
    timers.dequeue(requestId);
    flight.takeBack(requestId);
    // its last delivery is void: no worker is asked for it
    if (open !== undefined) facts.push(requestNote({ ...open, losses }, 'waiting', place()));
    const turn = stepAny(state.run, { type: 'withdrawn', requestId });
    facts.push(...turn.facts);
    commands.push(...turn.commands);
  }
  return { facts, commands };
}

/** A request that no worker has any more. */
export function requestNote(
  { places: _places, ...request }: OpenRequest,
  state: 'parked' | 'waiting',
  place: InboxPlace,
): Fact {
  return { fact: 'request', ...request, ...place, state };
}

/** It was taken back, and no worker was ever lost with it: those that were given it refused it. */
export function isUntouched({ state, losses }: OpenRequest): boolean {
  return state === 'waiting' && losses === 0;
}
