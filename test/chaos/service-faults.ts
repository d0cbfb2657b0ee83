/** Services that are killed or held, and come back on the same data. */
import { pick } from '../simulation/choices.js';
import type { Service } from '../support/services/start-services.js';
import type { ChaosCluster } from './chaos-cluster.js';
import { lasts, type Blow, type FaultKind } from './fault-kind.js';

const away = { least: 0.1, most: 2 };

export const serviceFaults: readonly FaultKind[] = [
  restarted('restart of a ZooKeeper server', 4, ({ services }, { random }) => [
    pick(random, services.zookeepers),
  ]),
  restarted('restart of two ZooKeeper servers', 1, ({ services }) => services.zookeepers.slice(0, 2)),
  restarted('restart of Kafka', 2, ({ services }) => [services.kafka]),
  restarted('restart of the store', 2, ({ services }) => [services.mongodb]),
  held('stop of a ZooKeeper server', 2, ({ services }, { random }) => pick(random, services.zookeepers)),
  held('stop of Kafka', 1, ({ services }) => services.kafka),
  held('stop of the store', 1, ({ services }) => services.mongodb),
];

function restarted(
  name: string,
  weight: number,
  victims: (cluster: ChaosCluster, blow: Blow) => readonly Service[],
): FaultKind {
  return {
    name,
    cause: 'service away',
    weight,
    strike: (blow) => {
      const services = victims(blow.cluster, blow);
      if (!areFree(blow.cluster, services)) return undefined;
      const over = async (): Promise<void> => {
        await Promise.all(services.map((service) => service.kill()));
        await lasts(blow, away);
        await Promise.all(services.map((service) => service.start()));
      };
      return {
        victim: services.map((service) => service.name).join(),
        kills: services.length,
        over: troubled(blow.cluster, services, over()),
      };
    },
  };
}

function held(
  name: string,
  weight: number,
  victimOf: (cluster: ChaosCluster, blow: Blow) => Service,
): FaultKind {
  return {
    name,
    cause: 'service away',
    weight,
    strike: (blow) => {
      const service = victimOf(blow.cluster, blow);
      if (!areFree(blow.cluster, [service])) return undefined;
      service.pause();
      const over = lasts(blow, away).then(() => service.resume());
      return { victim: service.name, over: troubled(blow.cluster, [service], over) };
    },
  };
}

/** One trouble at a time with one service; and of the ZooKeeper servers, whose majority matters. */
function areFree({ services, servicesInTrouble }: ChaosCluster, wanted: readonly Service[]): boolean {
  const isServer = (service: Service): boolean => services.zookeepers.includes(service);
  const group = wanted.some(isServer) ? services.zookeepers : wanted;
  return group.every((service) => !servicesInTrouble.has(service));
}

async function troubled(
  { servicesInTrouble }: ChaosCluster,
  services: readonly Service[],
  over: Promise<void>,
): Promise<boolean> {
  for (const service of services) servicesInTrouble.add(service);
  await over;
  for (const service of services) servicesInTrouble.delete(service);
  return true;
}
