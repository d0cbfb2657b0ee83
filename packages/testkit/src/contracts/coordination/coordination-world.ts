import type { Coordination, CoordinationSession } from '@baton/core';
import { eventually } from '../../runtime/eventually.js';
import type { Scope, SeparatedWorld } from '../contract.js';

export interface CoordinationWorld extends SeparatedWorld<Coordination> {
  /** A Coordination whose service cannot be reached. */
  unreachable(): Promise<Coordination>;
}

/** A session that the case's scope closes. */
export async function connect(
  { primitive }: { readonly primitive: Coordination },
  scope: Scope,
): Promise<CoordinationSession> {
  return scope.own(await primitive.connect({ timeoutMs: 5_000 }));
}

/** Waits for a notice that has to come by itself. */
export async function noticed(world: CoordinationWorld, what: string, probe: () => boolean): Promise<void> {
  await eventually(probe, { withinMs: world.patienceMs ?? 10_000, what });
}

/**
 * Notices of a session come in the order of its answers: after a barrier of the watching session no notice of an earlier
 * change is under way any more.
 */
export async function noMoreNotices(session: CoordinationSession): Promise<void> {
  await session.barrier();
}
