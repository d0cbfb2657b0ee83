/**
 * Purpose: how much CPU time groups of processes used between two moments, from /proc, and how much of the machine others took
 * meanwhile: figures of a busy machine are not those of a quiet one.
 * On failure: a process that is gone, or is not on this machine, counts nothing; its group is then told as such.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { Endpoints } from '../services/endpoints.js';

/** USER_HZ is 100 on every Linux Node runs on. */
const msPerTick = 10;

export interface CpuUse {
  readonly wallMs: number;
  /** CPU ms by group. */
  readonly byGroup: Readonly<Record<string, number>>;
  /** CPU ms of all groups together, but for those named as not part of the system. */
  readonly systemMs: number;
  /** Share of the machine that was busy, 0 to 1. */
  readonly busy: number;
  /** Share of the machine that other processes used, 0 to 1. */
  readonly foreign: number;
}

/** Group → its processes; looked up at both ends, so that processes may come in between. */
export type Groups = () => Readonly<Record<string, readonly number[]>>;

/** `outside`: groups that drive the measurement and are no part of the system. Gives a function that reads the use since now. */
export function meterCpu(groups: Groups, outside: readonly string[] = ['bench']): () => CpuUse {
  const before = snapshot(groups());
  const machineBefore = machine();
  const startedMs = performance.now();
  return () => {
    const after = snapshot(groups());
    const now = machine();
    const byGroup: Record<string, number> = {};
    let all = 0;
    let systemMs = 0;
    for (const [group, processes] of after) {
      let used = 0;
      for (const [pid, ms] of processes) used += Math.max(0, ms - (before.get(group)?.get(pid) ?? 0));
      byGroup[group] = used;
      all += used;
      if (!outside.includes(group)) systemMs += used;
    }
    const totalMs = now.totalMs - machineBefore.totalMs;
    const busyMs = totalMs - (now.idleMs - machineBefore.idleMs);
    return {
      wallMs: performance.now() - startedMs,
      byGroup,
      systemMs,
      busy: share(busyMs, totalMs),
      foreign: share(Math.max(0, busyMs - all), totalMs),
    };
  };
}

/** Processes of the services that run on this machine, by the port they listen on. */
export function serviceProcesses(endpoints: Endpoints): Record<keyof Endpoints, readonly number[]> {
  const ports = {
    zookeeper: portOf(endpoints.zookeeper),
    kafka: portOf(endpoints.kafka),
    mongodb: portOf(endpoints.mongodb),
  };
  const listeners = listenersOf(Object.values(ports));
  const of = (port: number): readonly number[] => listeners.get(port) ?? [];
  return { zookeeper: of(ports.zookeeper), kafka: of(ports.kafka), mongodb: of(ports.mongodb) };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Number((part / whole).toFixed(2));
}

function snapshot(groups: Readonly<Record<string, readonly number[]>>): Map<string, Map<number, number>> {
  return new Map(
    Object.entries(groups).map(([group, pids]) => [group, new Map(pids.map((pid) => [pid, cpuMsOf(pid)]))]),
  );
}

function cpuMsOf(pid: number): number {
  try {
    // the name of the process is in brackets and may hold anything
    const fields = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) * msPerTick;
  } catch {
    return 0;
  }
}

function machine(): { readonly totalMs: number; readonly idleMs: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return {
    totalMs: ticks.reduce((sum, value) => sum + value, 0) * msPerTick,
    idleMs: ((ticks[3] ?? 0) + (ticks[4] ?? 0)) * msPerTick,
  };
}

function portOf(endpoint: string): number {
  return Number(/:(\d+)/.exec(endpoint.replace(/^mongodb:\/\//, ''))?.[1]);
}

/** From the sockets in /proc/net to the processes that hold them open. */
function listenersOf(ports: readonly number[]): Map<number, number[]> {
  const LISTEN = '0A';
  const portOfSocket = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      if (state === LISTEN && ports.includes(port)) portOfSocket.set(`socket:[${inode}]`, port);
    }
  const found = new Map<number, number[]>();
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number))
    for (const socket of socketsOf(pid)) {
      const port = portOfSocket.get(socket);
      if (port !== undefined) found.set(port, [...(found.get(port) ?? []), pid]);
    }
  return found;
}

function socketsOf(pid: number): Set<string> {
  try {
    return new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return new Set();
  }
}
