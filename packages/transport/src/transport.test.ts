import { describe, expect, it } from '@jest/globals';
import type { ReplyMessage } from '@baton/core';
import { fakeRuntime, realRuntime, SimulatedPartitionLog } from '@baton/testkit';
import { transportSuite } from '@baton/testkit/suites';
import { ensureTopics, Inbox, Outbox } from './index.js';

transportSuite('the simulated log', async () => {
  const runtime = realRuntime();
  const primitive = new SimulatedPartitionLog(runtime);
  const { service } = primitive;
  return {
    primitive,
    peer: async () => new SimulatedPartitionLog(runtime, { service }),
    topicPrefix: 'test.',
    dispose: () => primitive.close(),
  };
});

const kinds = ['lose-reply', 'lose-request', 'land-late', 'tear', 'duplicate', 'refuse'] as const;

describe('outbox and inbox under faults', () => {
  it.each(Array.from({ length: 40 }, (_, n) => n + 1))(
    'lose nothing, and keep the order of first arrivals (seed %i)',
    async (seed) => {
      const runtime = fakeRuntime({ seed });
      const { clock, random } = runtime;
      const log = new SimulatedPartitionLog(runtime);
      const common = { log, prefix: 'p', runtime, clusterId: 'k' };
      await clock.drive(ensureTopics(log, 'p', { requestSlots: 1, replySlots: 1 }));
      const outbox = await clock.drive(Outbox.open({ ...common, sender: 'm' }));
      const received: string[] = [];
      const inbox = await clock.drive(
        Inbox.openReplies({
          ...common,
          partition: 0,
          onMessages: (messages) => received.push(...messages.map(({ message }) => idOf(message))),
          onPoison: () => expect('poison').toBe('none'),
        }),
      );
      const below = (limit: number) => Math.floor(random.fraction() * limit);
      let sent = 0;
      for (let burst = 0; burst < 20; burst++) {
        const kind = kinds[below(kinds.length)];
        if (kind !== undefined && below(2) === 0)
          log.service.faults.next(kind, { operation: 'append', delayMs: below(400) });
        if (below(4) === 0) log.service.faults.next('refuse', { operation: 'read' });
        for (let n = below(10); n >= 0; n--) outbox.sendReply(0, acceptedOf(sent++));
        await clock.advance(below(200));
      }
      log.service.faults.clear();
      await clock.drive(outbox.idle());
      await clock.drive(inbox.end().then((end) => inbox.reached(end)));
      expect([...new Set(received)]).toEqual(Array.from({ length: sent }, (_, n) => `r${n}`));
      expect(outbox.pending).toBe(0);
      await clock.drive(Promise.all([inbox.close(), outbox.close({ deadlineMs: 0 })]));
      await clock.drive(log.close());
    },
  );
});

function acceptedOf(n: number): ReplyMessage {
  return { kind: 'accepted', worker: 'w', workerEpoch: 'e', requestId: `r${n}`, delivery: 1 };
}

function idOf(message: ReplyMessage): string {
  return 'requestId' in message ? message.requestId : '';
}
