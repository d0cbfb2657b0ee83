/** One Apache Kafka node, broker and controller in one (KRaft). */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JavaPrograms, Report } from './artifacts.js';
import { classDataArchive, javaArgs } from './java.js';
import { ask, freePort, host } from './ports.js';
import { findTool } from './prerequisites.js';
import type { ServiceProgram } from './service.js';

/** A further way in: a port of the broker's own, and the address it tells those who come that way, as that of a proxy. */
export interface KafkaDoor {
  readonly port: number;
  readonly advertised: string;
}

export async function kafkaProgram(
  folder: string,
  programs: JavaPrograms,
  report: Report,
  doors: readonly KafkaDoor[] = [],
): Promise<ServiceProgram> {
  const use = await classDataArchive('kafka', programs, report, (scratch, write) =>
    program(scratch, programs, { classData: { write }, doors: [] }),
  );
  return program(folder, programs, { classData: use === undefined ? undefined : { use }, doors });
}

async function program(
  folder: string,
  { kafka: classPath }: JavaPrograms,
  {
    classData,
    doors,
  }: {
    readonly classData: { use: string } | { write: string } | undefined;
    readonly doors: readonly KafkaDoor[];
  },
): Promise<ServiceProgram> {
  const own = join(folder, 'kafka');
  const data = join(own, 'data');
  mkdirSync(data, { recursive: true });
  const [port, controllerPort] = [await freePort(), await freePort()];
  const configuration = join(own, 'server.properties');
  writeFileSync(configuration, properties(settings({ port, controllerPort, data, doors })));
  format(data);
  return {
    name: 'kafka',
    endpoint: `${host}:${port}`,
    logFile: join(folder, 'kafka.log'),
    folder,
    command: findTool('java'),
    args: javaArgs({
      heapMax: '256m',
      classPath,
      ...(classData === undefined ? {} : { classData }),
      main: 'kafka.Kafka',
      mainArgs: [configuration],
    }),
    isReady: async () => (await ask(port)) !== undefined,
  };
}

function settings({
  port,
  controllerPort,
  data,
  doors,
}: {
  readonly port: number;
  readonly controllerPort: number;
  readonly data: string;
  readonly doors: readonly KafkaDoor[];
}) {
  const names = doors.map((_, index) => `DOOR${index}`);
  const listeners = [`PLAINTEXT://${host}:${port}`];
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${host}:${controllerPort}`,
    listeners: [
      ...listeners,
      ...doors.map((door, index) => `${names[index]}://${host}:${door.port}`),
      `CONTROLLER://${host}:${controllerPort}`,
    ].join(),
    'advertised.listeners': [
      ...listeners,
      ...doors.map(({ advertised }, index) => `${names[index]}://${advertised}`),
    ].join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': ['PLAINTEXT', 'CONTROLLER', ...names]
      .map((name) => `${name}:PLAINTEXT`)
      .join(),
    'log.dirs': data,
    'auto.create.topics.enable': false,
    // nobody of Baton reads it; who looks at the files sees when a record came
    'log.message.timestamp.type': 'LogAppendTime',
    'num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 500,
    // a broker that was killed may register again only when its old session is over: 9 s by default
    'broker.session.timeout.ms': 1000,
    'broker.heartbeat.interval.ms': 200,
    'controlled.shutdown.enable': false,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 2,
    'log.cleaner.dedupe.buffer.size': 2 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
  };
}

/** What `kafka-storage format` would write; saves the start of a second JVM. */
function format(data: string): void {
  const file = join(data, 'meta.properties');
  if (existsSync(file)) return;
  writeFileSync(file, properties({ version: 1, 'cluster.id': uuid(), 'node.id': 1, 'directory.id': uuid() }));
}

/** Kafka's form of an id; it does not take one that begins like an option. */
function uuid(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? uuid() : id;
}

export function properties(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
