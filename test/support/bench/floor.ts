/**
 * Purpose: what one remote step cannot be faster than: one journal insert and one round trip over the message log, one after the other,
 * by the product's own journal, outbox and inbox, with nothing above them.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Fence, TaskRequest } from '@baton/core';
import { openPersistence } from '@baton/persistence';
import { MongoDocumentStore } from '@baton/persistence/mongodb';
import { KafkaPartitionLog } from '@baton/transport/kafka';
import { ensureTopics, Inbox, Outbox } from '@baton/transport';
import { realRuntime } from '@baton/testkit';
import { realServices } from '../services/endpoints.js';
import { distributionOf, type Distribution } from './distribution.js';

export interface Floor {
  /** One journal entry of a turn, durable. Ms. */
  readonly insert: Distribution;
  /** Request to another process and its answer. Ms. */
  readonly roundTrip: Distribution;
}

export interface FloorMeter {
  measure(count: number): Promise<Floor>;
  close(): Promise<void>;
}

const loader = fileURLToPath(new URL('../typescript.mjs', import.meta.url));
const echo = fileURLToPath(new URL('echo.ts', import.meta.url));
const fence: Fence = { generation: 1, zxid: 1n };

/** `text`: the argument of the measured tasks. */
export async function openFloorMeter(text: string): Promise<FloorMeter> {
  const [insert, trip] = [await openInsert(), await openRoundTrip(text)];
  await series(50, insert.once);
  await series(200, trip.once);
  return {
    async measure(count) {
      return { insert: await series(count, insert.once), roundTrip: await series(count, trip.once) };
    },
    async close() {
      await Promise.all([insert.close(), trip.close()]);
    },
  };
}

async function series(count: number, once: (n: number) => Promise<unknown>): Promise<Distribution> {
  const tookMs: number[] = [];
  for (let n = 0; n < count; n++) {
    const startedMs = performance.now();
    await once(n);
    tookMs.push(performance.now() - startedMs);
  }
  return distributionOf(tookMs) as Distribution;
}

async function openInsert() {
  const runtime = realRuntime();
  const database = `floor${runtime.random.ulid().toLowerCase()}`;
  const store = new MongoDocumentStore({ url: realServices().mongodb, database, logger: runtime.logger });
  const { journal, close } = await openPersistence({ store, runtime });
  const flowId = runtime.random.ulid();
  let seq = 0;
  return {
    once: () =>
      journal.append({
        kind: 'turn',
        flowId,
        seq: seq++,
        fence,
        opId: runtime.random.nonce(),
        atMs: runtime.clock.wallMs(),
        facts: [
          { fact: 'atom', atom: 'step-1', from: 'RUNNING', to: 'SUCCESS', value: { data: null } },
          {
            fact: 'request',
            requestId: `${flowId}/step-2/execute/1.1`,
            atom: 'step-2',
            action: 'execute',
            state: 'assigned',
            delivery: 1,
            losses: 0,
            worker: 'worker-1',
            workerEpoch: runtime.random.ulid(),
            requestPartition: 1,
            replyPartition: 1,
            replyFrom: seq,
          },
        ],
      }),
    async close() {
      close();
      await store.close();
    },
  };
}

async function openRoundTrip(text: string) {
  const runtime = realRuntime();
  const prefix = `floor${runtime.random.ulid().toLowerCase()}`;
  const brokers = realServices().kafka.split(',');
  const log = new KafkaPartitionLog({ brokers, clientId: 'bench-floor', logger: runtime.logger });
  await ensureTopics(log, prefix, { requestSlots: 1, replySlots: 1 });
  const child = spawn(process.execPath, ['--import', loader, echo, prefix], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const common = { log, prefix, runtime, clusterId: 'bench' };
  const outbox = await Outbox.open({ ...common, sender: 'floor' });
  let answered: (() => void) | undefined;
  const inbox = await Inbox.openReplies({
    ...common,
    partition: 0,
    onMessages: () => answered?.(),
    onPoison: ({ reason }) => {
      throw reason;
    },
  });
  return {
    once: (n: number) =>
      new Promise<void>((resolve) => {
        answered = resolve;
        outbox.sendRequest(0, requestOf(n, text));
      }),
    async close() {
      child.stdin.end();
      await Promise.all([inbox.close(), outbox.close({ deadlineMs: 1_000 })]);
      await log.close();
    },
  };
}

function requestOf(n: number, text: string): TaskRequest {
  return {
    kind: 'request',
    requestId: `flow/step-${n}/execute/1.1`,
    delivery: 1,
    flowId: 'flow',
    atom: `step-${n}`,
    action: 'execute',
    fence,
    workerEpoch: 'epoch',
    replyPartition: 0,
    task: 'noop',
    taskVersion: '1.0',
    attempt: 1,
    round: 1,
    args: { text: { data: text } },
    sentAtMs: Date.now(),
    forget: [],
  };
}
