/** Apache ZooKeeper: one server, or an ensemble of three. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JavaPrograms, Report } from './artifacts.js';
import { classDataArchive, javaArgs } from './java.js';
import { properties } from './kafka.js';
import { ask, freePort, host } from './ports.js';
import { findTool } from './prerequisites.js';
import type { ServiceProgram } from './service.js';

/** Sessions as short as two ticks are granted: tests need not wait long for an expiry. */
const tickMs = 200;

interface Server {
  readonly id: number;
  readonly port: number;
  readonly quorumPort: number;
  readonly electionPort: number;
}

type ClassData = { readonly use: string } | { readonly write: string } | undefined;

export async function zookeeperPrograms(
  folder: string,
  count: 1 | 3,
  programs: JavaPrograms,
  report: Report,
): Promise<ServiceProgram[]> {
  const use = await classDataArchive('zookeeper', programs, report, async (scratch, write) => {
    const alone = await server(1);
    return program(scratch, alone, [alone], programs, { write });
  });
  const servers = await Promise.all(Array.from({ length: count }, (_, index) => server(index + 1)));
  return servers.map((one) =>
    program(folder, one, servers, programs, use === undefined ? undefined : { use }),
  );
}

async function server(id: number): Promise<Server> {
  return { id, port: await freePort(), quorumPort: await freePort(), electionPort: await freePort() };
}

function program(
  folder: string,
  { id, port }: Server,
  servers: readonly Server[],
  { zookeeper: classPath }: JavaPrograms,
  classData: ClassData,
): ServiceProgram {
  const own = join(folder, `zookeeper-${id}`);
  const data = join(own, 'data');
  mkdirSync(data, { recursive: true });
  const configuration = join(own, 'zoo.cfg');
  writeFileSync(configuration, properties({ ...settings(data, port), ...ensemble(servers) }));
  writeFileSync(join(data, 'myid'), String(id));
  return {
    name: servers.length === 1 ? 'zookeeper' : `zookeeper-${id}`,
    endpoint: `${host}:${port}`,
    logFile: join(folder, `zookeeper-${id}.log`),
    folder,
    command: findTool('java'),
    args: javaArgs({
      heapMax: '96m',
      classPath,
      ...(classData === undefined ? {} : { classData }),
      // not synced to disk at each write: the tests kill processes, not the machine
      properties: ['-Dzookeeper.forceSync=no', '-Dzookeeper.extendedTypesEnabled=true'],
      main: 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      mainArgs: [configuration],
    }),
    // asked while it starts, a server can leave the question open for ever: `ask` gives up and this is called again
    isReady: async () => /Mode: (standalone|leader|follower)/.test((await ask(port, 'srvr')) ?? ''),
  };
}

function settings(data: string, port: number) {
  return {
    dataDir: data,
    clientPort: port,
    clientPortAddress: host,
    tickTime: tickMs,
    minSessionTimeout: 2 * tickMs,
    maxSessionTimeout: 60_000,
    // in ticks, which are short
    initLimit: 50,
    syncLimit: 25,
    maxClientCnxns: 0,
    'admin.enableServer': false,
    '4lw.commands.whitelist': 'srvr,ruok,mntr',
  };
}

function ensemble(servers: readonly Server[]): Record<string, string> {
  if (servers.length === 1) return {};
  return Object.fromEntries(
    servers.map(({ id, quorumPort, electionPort }) => [
      `server.${id}`,
      `${host}:${quorumPort}:${electionPort}`,
    ]),
  );
}
