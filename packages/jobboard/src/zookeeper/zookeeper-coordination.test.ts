import { describe, expect, it } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { ZookeeperCoordination } from './zookeeper-coordination.js';

describe('the address of ZooKeeper', () => {
  const open = (hosts: string) => new ZookeeperCoordination({ hosts, logger: new CapturingLogger() });

  it.each(['zk', 'zk:2181', '10.0.0.1:65535,zk2:1/a/b'])('may be %s', (hosts) => {
    expect(() => open(hosts)).not.toThrow();
  });

  it.each(['', '/a', 'zk:x', 'zk:2181:2182', 'zk:65536', 'zk:0', 'zk:', ':2181', 'zk1,,zk2', '[::1]:2181'])(
    'may not be %j',
    (hosts) => expect(() => open(hosts)).toThrow(/^ZooKeeper address .* is not host:port/),
  );
});
