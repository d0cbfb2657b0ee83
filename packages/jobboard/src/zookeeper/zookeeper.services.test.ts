import {
  coordinationContract,
  jobBoardFaultSuite,
  jobBoardSuite,
  type CoordinationWorld,
  type FaultyBoardWorld,
} from '@baton/testkit/suites';
import { FaultProxy, realRuntime } from '@baton/testkit';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { ZookeeperCoordination } from './index.js';

const { logger, random } = realRuntime();
const newRoot = () => `/test-${random.nonce().slice(0, 12)}`;

async function zookeeperWorld(): Promise<CoordinationWorld> {
  const connect = (chroot: string) =>
    new ZookeeperCoordination({ hosts: realServices().zookeeper, chroot, logger });
  const roots = [newRoot()];
  const root = roots[0] as string;
  return {
    primitive: connect(root),
    peer: async () => connect(root),
    elsewhere: async () => {
      const other = newRoot();
      roots.push(other);
      return connect(other);
    },
    unreachable: async () => new ZookeeperCoordination({ hosts: '127.0.0.1:1', logger }),
    dispose: () => removeRoots(roots),
  };
}

/** A board has a thousand nodes, and the server is small. */
async function removeRoots(roots: readonly string[]): Promise<void> {
  const session = await new ZookeeperCoordination({ hosts: realServices().zookeeper, logger }).connect({
    timeoutMs: 10_000,
  });
  const remove = async (path: string): Promise<void> => {
    const names = await session.children(path).catch(() => []);
    await Promise.all(names.map((name) => remove(`${path}/${name}`)));
    await session.delete(path).catch(() => undefined); // never made, or an ephemeral that went by itself
  };
  await Promise.all(roots.map(remove));
  await session.close();
}

const requestTypes = { create: 1, multi: 14 };

/** Whether one of the requests in what a client wrote is of that type. */
function holds(chunk: Buffer, type: number): boolean {
  for (let at = 0; at + 12 <= chunk.length; at += 4 + chunk.readInt32BE(at))
    if (chunk.readInt32BE(at + 8) === type) return true;
  return false;
}

async function faultyWorld(): Promise<FaultyBoardWorld> {
  const proxy = await FaultProxy.start(realServices().zookeeper.split(',')[0] ?? '');
  const root = newRoot();
  return {
    primitive: new ZookeeperCoordination({ hosts: proxy.address, chroot: root, logger }),
    peer: async () => new ZookeeperCoordination({ hosts: realServices().zookeeper, chroot: root, logger }),
    loseReply: (operation) => proxy.cutReplyTo((chunk) => holds(chunk, requestTypes[operation])),
    loseRequest: (operation) => proxy.cutRequest((chunk) => holds(chunk, requestTypes[operation])),
    offline: async (meanwhile) => {
      await proxy.refuse();
      await meanwhile();
      await proxy.pass();
    },
    dispose: async () => {
      await proxy.close();
      await removeRoots([root]);
    },
  };
}

coordinationContract('ZooKeeper', zookeeperWorld);
jobBoardSuite('ZooKeeper', zookeeperWorld);
jobBoardFaultSuite('ZooKeeper', faultyWorld);
