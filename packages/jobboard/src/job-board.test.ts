import { jobBoardFaultSuite, jobBoardSuite, type FaultyBoardWorld } from '@baton/testkit/suites';
import { SimulatedCoordination, realRuntime } from '@baton/testkit';
import type { CoordinationSession } from '@baton/core';

/** Sessions of `primitive` are those that meet the faults. */
class RecordedCoordination extends SimulatedCoordination {
  readonly sessions: CoordinationSession[] = [];

  override async connect(options: Parameters<SimulatedCoordination['connect']>[0]) {
    const session = await super.connect(options);
    this.sessions.push(session);
    return session;
  }
}

async function simulatedWorld(): Promise<FaultyBoardWorld> {
  const runtime = realRuntime();
  const primitive = new RecordedCoordination(runtime);
  const { service } = primitive;
  return {
    primitive,
    peer: async () => new SimulatedCoordination(runtime, { service }),
    loseReply: (operation) => service.faults.next('lose-reply', { operation }),
    loseRequest: (operation) => service.faults.next('lose-request', { operation }),
    offline: async (meanwhile) => {
      for (const session of primitive.sessions) service.cut(session, { reconnectAfterMs: Infinity });
      await meanwhile();
      for (const session of primitive.sessions) service.heal(session);
    },
    dispose: async () => {
      if (service.faults.pending > 0) throw new Error('a planned fault was not met');
      if (service.openSessions > 0) throw new Error('a session was left open');
    },
  };
}

jobBoardSuite('simulated coordination', simulatedWorld);
jobBoardFaultSuite('simulated coordination', simulatedWorld);
