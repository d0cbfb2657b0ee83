import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplyMessage } from '@baton/core';
import { eventually, realRuntime } from '@baton/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import {
  startServices,
  type Service,
  type Services,
} from '../../../../test/support/services/start-services.js';
import { ensureTopics, Inbox, Outbox, ReplyReplay } from '../index.js';
import { KafkaPartitionLog } from './index.js';

const OUTAGE_MS = 8_000;

let services: Services;
beforeAll(async () => {
  services = await startServices({ only: ['kafka'] });
}, 300_000);
afterAll(async () => {
  await services?.stop();
});

describe('an outage of the broker', () => {
  it.each([
    {
      what: 'killed and started again',
      strike: (kafka: Service) => kafka.kill(),
      heal: (kafka: Service) => kafka.start(),
    },
    {
      what: 'frozen and woken',
      strike: async (kafka: Service) => kafka.pause(),
      heal: async (kafka: Service) => kafka.resume(),
    },
  ])(
    '$what: everything resumes by itself and nothing is lost',
    async ({ strike, heal }) => {
      const { kafka } = services;
      const runtime = realRuntime();
      const log = new KafkaPartitionLog({
        brokers: [kafka.endpoint],
        clientId: 'outage',
        logger: runtime.logger,
      });
      const common = { log, prefix: `outage-${runtime.random.nonce().slice(0, 8)}`, runtime, clusterId: 'k' };
      await ensureTopics(log, common.prefix, { requestSlots: 1, replySlots: 1 });
      const outbox = await Outbox.open({ ...common, sender: 'm' });
      const replay = await ReplyReplay.open(common);
      const received: string[] = [];
      const inbox = await Inbox.openReplies({
        ...common,
        partition: 0,
        onMessages: (messages) => received.push(...messages.map(({ message }) => idOf(message))),
        onPoison: () => expect('poison').toBe('none'),
      });
      let sent = 0;
      const sendSome = () => {
        for (let n = 0; n < 20; n++) outbox.sendReply(0, progressOf(sent++));
      };
      sendSome();
      await eventually(() => received.length === 20);

      sendSome();
      await strike(kafka);
      const untilMs = performance.now() + OUTAGE_MS;
      while (performance.now() < untilMs) {
        sendSome();
        await delay(100); // the length of the outage is the subject of this test
      }
      expect(outbox.pending).toBeGreaterThan(0);
      await heal(kafka);

      const healedMs = performance.now();
      await outbox.idle();
      const idleAfterMs = performance.now() - healedMs;
      await eventually(() => new Set(received).size === sent, { withinMs: 10_000 });
      const expected = Array.from({ length: sent }, (_, n) => `r${n}`);
      // an append whose acknowledgement was lost stands twice; first arrivals are in order all the same
      expect([...new Set(received)]).toEqual(expected);
      expect(idleAfterMs).toBeLessThan(10_000);
      const replayed: string[] = [];
      const end = await replay.read(0, 0, (message) => replayed.push(idOf(message)));
      expect(replayed).toEqual(received);
      await inbox.reached(end);
      await Promise.all([replay.close(), inbox.close(), outbox.close({ deadlineMs: 1_000 })]);
      await log.close();
    },
    90_000,
  );
});

function progressOf(n: number): ReplyMessage {
  return { kind: 'progress', worker: 'w', workerEpoch: 'e', requestId: `r${n}`, delivery: 1, progress: 0.5 };
}

function idOf(message: ReplyMessage): string {
  return 'requestId' in message ? message.requestId : '';
}
