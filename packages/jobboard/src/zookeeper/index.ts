export { ZookeeperCoordination, type ZookeeperCoordinationOptions } from './zookeeper-coordination.js';
