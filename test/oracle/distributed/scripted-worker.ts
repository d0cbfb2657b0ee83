/**
 * Purpose: workers of this process on the real services that offer one task, which does what the script of its atom says, and count how often each
 * method of each atom was called: the outside world of the recordings (FORMAT 1.2).
 * What is authoritative: the counters here, shared by all workers. A request that is delivered again gets the answer it had: the count is of
 * calls that were meant, not of deliveries.
 */
import type { JsonValue, Runtime } from '@baton/core';
import type { Outcome } from '@baton/engine';
import { isFailure, task } from '@baton/flow';
import { ZookeeperCoordination } from '@baton/jobboard/zookeeper';
import { eventually } from '@baton/testkit';
import { KafkaPartitionLog } from '@baton/transport/kafka';
import { createWorker, type Worker, type WorkerEnd } from '@baton/worker';
import type { Scenario } from '../scenario.js';
import { failureJson, World, type Recorded } from '../world.js';
import { scriptedTask } from './postable.js';

type TaskArguments = Readonly<Record<string, JsonValue>>;
interface Called {
  readonly flowId: string;
  readonly atom: string;
  readonly requestId: string;
}

export class ScriptedWorld {
  /** Bodies that were started, by job, in the form of the recordings; of a revert without the failures of others. */
  readonly bodies = new Map<string, Recorded[]>();
  /** Calls of all jobs. */
  calls = 0;
  readonly #worlds = new Map<string, World>();
  readonly #answers = new Map<string, Outcome>();

  readonly task = task(scriptedTask, {
    execute: (args: TaskArguments, context) =>
      this.#answer(context, 'execute', (n) => ['execute', context.atom, n, { ...args }]),
    revert: (args: TaskArguments, context) =>
      this.#answer(context, 'revert', (n) => [
        'revert',
        context.atom,
        n,
        { ...args },
        isFailure(context.result) ? failureJson(context.result) : ((context.result ?? null) as JsonValue),
      ]),
  });

  /** Before the job is posted. */
  add(jobId: string, flow: Scenario['flow']): void {
    const world = new World();
    world.read(flow);
    this.#worlds.set(jobId, world);
    this.bodies.set(jobId, []);
  }

  #answer(context: Called, method: 'execute' | 'revert', body: (n: number) => Recorded): JsonValue {
    const answer = this.#answers.get(context.requestId) ?? this.#run(context, method, body);
    this.#answers.set(context.requestId, answer);
    if (!('failure' in answer)) return answer.value && 'data' in answer.value ? answer.value.data : null;
    const { message, types, code } = answer.failure;
    throw Object.assign(new Error(message), { name: types[0], code });
  }

  #run({ flowId, atom }: Called, method: 'execute' | 'revert', body: (n: number) => Recorded): Outcome {
    const world = this.#worlds.get(flowId);
    if (!world) throw new Error(`nobody knows job ${flowId}`);
    this.calls++;
    const record = (event: Recorded): unknown => event[0] === method && this.bodies.get(flowId)?.push(event);
    return world.runTask(atom, method, record, body);
  }
}

/** One worker, ready to take requests until `stop`. */
export class ScriptedWorker {
  readonly #log: KafkaPartitionLog;
  readonly #worker: Worker;
  readonly #stopped = new AbortController();
  readonly #ended: Promise<WorkerEnd>;

  /** `env`: the settings of the cluster it belongs to. */
  constructor(world: ScriptedWorld, id: string, runtime: Runtime, env: Readonly<Record<string, string>>) {
    const { logger } = runtime;
    const setting = (name: string): string => env[name] ?? '';
    this.#log = new KafkaPartitionLog({
      brokers: setting('BATON_TRANSPORT_KAFKA_BROKERS').split(','),
      clientId: id,
      logger,
    });
    this.#worker = createWorker({
      tasks: [world.task],
      runtime,
      coordination: new ZookeeperCoordination({ hosts: setting('BATON_JOBBOARD_ZOOKEEPER_HOSTS'), logger }),
      log: this.#log,
      prefix: setting('BATON_TRANSPORT_KAFKA_PREFIX'),
      board: 'default',
      member: { id, host: 'test', pid: process.pid, version: '0' },
      options: {
        concurrency: 64,
        sessionTimeoutMs: 10_000,
        requestSlots: Number(setting('BATON_TRANSPORT_KAFKA_REQUEST_SLOTS')),
        replySlots: Number(setting('BATON_TRANSPORT_KAFKA_REPLY_SLOTS')),
      },
    });
    this.#ended = this.#worker.run({ signal: this.#stopped.signal });
    this.#ended.catch(() => undefined);
  }

  async ready(): Promise<void> {
    const isReady = eventually(() => this.#worker.status.state === 'ready', { withinMs: 120_000 });
    await Promise.race([isReady, this.#ended]);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#ended;
    await this.#log.close();
  }
}
