/**
 * Purpose: looks at each service the way a member would, and says what is wrong and what to do. It connects, reads and measures, and
 * makes nothing that a first member would: only a node that vanishes with its session, for the time by the jobboard's clock.
 */
import { codeOf } from '@baton/core';
import type { CoordinationSession, Logger } from '@baton/core';
import { readMeta } from '@baton/jobboard';
import { openPersistence } from '@baton/persistence';
import { topicsOf } from '@baton/transport';
import { variableOf, type SettingKey, type Settings } from './settings.js';
import { openCoordination, openKafka, openLog, openStore } from './substrates.js';
import { systemClock, systemRuntime } from '@baton/client/runtime';

export interface Check {
  readonly check: string;
  readonly state: 'ok' | 'note' | 'problem';
  readonly found: string;
  readonly remedy?: string;
}

const NODE_MIN = [20, 19] as const;
const CLOCK_SKEW_MAX_MS = 2_000;
const CONNECT_TIMEOUT_MS = 4_000;

export async function examine(settings: Settings, logger: Logger): Promise<readonly Check[]> {
  const [{ checks, timeoutMs }, ...parts] = await Promise.all([
    examineBoard(settings, logger),
    examineTransport(settings, logger),
    examineStore(settings, logger),
  ]);
  return [examineNode(), ...checks, ...parts.flat(), examineGuard(settings, timeoutMs)];
}

function examineNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  return isNewEnough
    ? { check: 'node', state: 'ok', found: process.versions.node }
    : {
        check: 'node',
        state: 'problem',
        found: process.versions.node,
        remedy: `install Node.js ${NODE_MIN.join('.')} or newer`,
      };
}

/** `timeoutMs`: of sessions, as the board grants it, or as it is asked for while the board cannot be reached. */
async function examineBoard(
  settings: Settings,
  logger: Logger,
): Promise<{ readonly checks: readonly Check[]; readonly timeoutMs: number }> {
  const where = settings.maybe('local.socket') ?? settings.get('jobboard.zookeeper.hosts');
  const timeoutMs = settings.get('jobboard.session_timeout');
  try {
    const coordination = await openCoordination(settings, logger);
    const session = await coordination.connect({ timeoutMs, connectTimeoutMs: CONNECT_TIMEOUT_MS });
    try {
      const checks = [...(await examineSession(session, where)), granted(session.timeoutMs, timeoutMs)];
      return { checks, timeoutMs: session.timeoutMs };
    } finally {
      await session.close();
    }
  } catch (error) {
    const check = problem(settings, {
      ...{ check: 'jobboard', where, error },
      ...{ service: 'ZooKeeper', key: 'jobboard.zookeeper.hosts' },
    });
    return { checks: [check], timeoutMs };
  }
}

export async function examineSession(session: CoordinationSession, where: string): Promise<Check[]> {
  const meta = await readMeta(session);
  const latencyMs = await median(() => session.exists('/meta'));
  const probe = `/doctor-${process.pid}-${systemClock.wallMs()}`;
  await session.create(probe, new Uint8Array(), { ephemeral: true });
  const stat = await session.exists(probe);
  const skewMs = Math.abs((stat?.mtimeMs ?? systemClock.wallMs()) - systemClock.wallMs());
  const found = `${where}, ${meta === undefined ? 'nothing there yet' : `cluster ${meta.clusterId}`}, read ${latencyMs.toFixed(1)} ms`;
  return [
    { check: 'jobboard', state: 'ok', found },
    skewMs > CLOCK_SKEW_MAX_MS
      ? {
          check: 'clock',
          state: 'problem',
          found: `${Math.round(skewMs)} ms away from the jobboard's`,
          remedy: 'synchronise the clocks of the hosts (NTP)',
        }
      : { check: 'clock', state: 'ok', found: `within ${Math.round(skewMs)} ms of the jobboard's` },
  ];
}

function granted(grantedMs: number, askedMs: number): Check {
  return grantedMs === askedMs
    ? { check: 'session timeout', state: 'ok', found: `${grantedMs} ms` }
    : {
        check: 'session timeout',
        state: 'note',
        found: `${grantedMs} ms granted, ${askedMs} ms asked`,
        remedy: 'the server bounds it by minSessionTimeout and maxSessionTimeout (2 to 20 ticks)',
      };
}

async function examineTransport(settings: Settings, logger: Logger): Promise<Check[]> {
  const where = settings.maybe('local.socket') ?? settings.get('transport.kafka.brokers');
  const clientId = `doctor-${process.pid}`;
  const isLocal = settings.maybe('local.socket') !== undefined;
  const kafka = isLocal ? undefined : await openKafka(settings, clientId, logger);
  const log = kafka ?? (await openLog(settings, clientId, logger));
  try {
    const topics = topicsOf(settings.get('transport.kafka.prefix'));
    const startMs = systemClock.monotonicMs();
    const counts = await within(
      CONNECT_TIMEOUT_MS * 2,
      Promise.all(Object.values(topics).map((topic) => log.partitions(topic))),
    );
    const tookMs = systemClock.monotonicMs() - startMs;
    const [requests = 0, replies = 0] = counts;
    const reachable: Check = {
      check: 'transport',
      state: 'ok',
      found: `${where}, metadata in ${tookMs.toFixed(0)} ms`,
    };
    if (requests === 0)
      return [
        reachable,
        { check: 'topics', state: 'note', found: 'not there yet', remedy: 'the first conductor makes them' },
      ];
    const isShort =
      requests < settings.get('transport.kafka.request_slots') ||
      replies < settings.get('transport.kafka.reply_slots');
    return [
      reachable,
      isShort
        ? {
            check: 'topics',
            state: 'note',
            found: `${requests} request and ${replies} reply partitions, fewer than configured`,
            remedy: 'the next conductor that starts raises them',
          }
        : { check: 'topics', state: 'ok', found: `${requests} request and ${replies} reply partitions` },
      ...(kafka ? [examineReplicas(await within(CONNECT_TIMEOUT_MS, kafka.replicas(topics.request)))] : []),
    ];
  } catch (error) {
    return [
      problem(settings, {
        check: 'transport',
        where,
        error,
        service: 'Kafka',
        key: 'transport.kafka.brokers',
      }),
    ];
  } finally {
    await log.close().catch(() => undefined);
  }
}

export function examineReplicas(replicas: number): Check {
  if (replicas > 1) return { check: 'replication', state: 'ok', found: `${replicas} replicas` };
  return {
    check: 'replication',
    state: 'note',
    found: '1 replica: while its broker is away, the members whose partitions it has are cut off',
    remedy:
      'run three brokers, then add replicas with kafka-reassign-partitions, or stop all members and delete the topics: the next one makes them',
  };
}

async function examineStore(settings: Settings, logger: Logger): Promise<Check[]> {
  const where =
    settings.maybe('local.socket') ??
    settings.table().find((row) => row.key === 'persistence.mongodb.url')?.value ??
    '';
  const store = await openStore(settings, logger);
  try {
    const persistence = await within(
      CONNECT_TIMEOUT_MS * 2,
      openPersistence({ store, runtime: systemRuntime(logger), readOnly: true }),
    );
    const latencyMs = await within(
      CONNECT_TIMEOUT_MS,
      median(() => store.get('journal', ['doctor'])),
    );
    persistence.close();
    return [{ check: 'store', state: 'ok', found: `${where}, read ${latencyMs.toFixed(1)} ms` }];
  } catch (error) {
    return [
      problem(settings, { check: 'store', where, error, service: 'MongoDB', key: 'persistence.mongodb.url' }),
    ];
  } finally {
    await store.close().catch(() => undefined);
  }
}

export function examineGuard(settings: Settings, timeoutMs: number): Check {
  return settings.get('guard.enabled')
    ? {
        check: 'guard',
        state: 'ok',
        found: `a crash is seen in milliseconds, the loss of a host within ${timeoutMs} ms`,
      }
    : {
        check: 'guard',
        state: 'note',
        found: `off: a crash is seen after ${timeoutMs} ms`,
        remedy: 'set guard.enabled, unless another supervisor ends sessions',
      };
}

function problem(
  settings: Settings,
  o: {
    readonly check: string;
    readonly where: string;
    readonly error: unknown;
    readonly service: string;
    readonly key: SettingKey;
  },
): Check {
  const { check, where, error } = o;
  const isLocal = settings.maybe('local.socket') !== undefined;
  const [service, key] = isLocal ? ['`baton dev`', 'local.socket' as const] : [o.service, o.key];
  const message = error instanceof Error ? error.message : String(error);
  return {
    check,
    state: 'problem',
    found: `${where}: ${message}`,
    remedy:
      codeOf(error) === 'BATON_CONFLICT_SCHEMA_NEWER'
        ? 'run a newer Baton'
        : `start ${service}, or correct ${key} (${variableOf(key)})`,
  };
}

/** Median of a few sequential calls, in ms. */
async function median(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startMs = systemClock.monotonicMs();
    await call();
    times.push(systemClock.monotonicMs() - startMs);
  }
  return times.sort((a, b) => a - b)[2] ?? 0;
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
