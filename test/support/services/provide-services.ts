/** The services of a test run: those you name, else containers where a Docker engine runs, else processes. */
import type { Report } from './artifacts.js';
import { dockerRuns, startContainers } from './docker.js';
import { endpointVariables, type Endpoints } from './endpoints.js';
import type { Store } from './mongodb.js';
import type { Service } from './service.js';
import { serviceNames, startServices, type ServiceName } from './start-services.js';

export interface ProvidedServices {
  readonly endpoints: Endpoints;
  /** Where they come from, for a person. */
  readonly origin: string;
  /** The first of our processes that ends. Containers and given services are not watched. */
  readonly lost: Promise<Service>;
  stop(): Promise<void>;
}

export async function provideServices(options: {
  readonly zookeepers?: 1 | 3;
  /** Default: FerretDB, in containers MongoDB. */
  readonly store?: Store;
  readonly report: Report;
}): Promise<ProvidedServices> {
  const given = Object.fromEntries(
    serviceNames.flatMap((name) => {
      const value = process.env[endpointVariables[name]];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  ) as Partial<Endpoints>;
  const missing = serviceNames.filter((name) => given[name] === undefined);
  const named = missing.map((name) => (name === 'mongodb' && options.store) || name);
  if (missing.length > 0) options.report(`starting ${named.join(', ')}`);
  const asItComes = options.zookeepers !== 3 && options.store === undefined;
  if (missing.length === serviceNames.length && asItComes && dockerRuns())
    return { ...(await startContainers()), origin: 'containers', lost: new Promise(() => undefined) };
  const services = await startServices({ ...options, only: missing });
  return {
    endpoints: { ...services.endpoints, ...given } as Endpoints,
    origin:
      missing.length === 0
        ? 'given'
        : missing.length === serviceNames.length
          ? 'processes'
          : `processes for ${missing.join(' and ')}`,
    lost: services.lost,
    stop: () => services.stop(),
  };
}

/** The environment in which `realServices()` finds them. */
export function environmentOf(endpoints: Endpoints): Record<string, string> {
  return Object.fromEntries(
    serviceNames.map((name: ServiceName) => [endpointVariables[name], endpoints[name]]),
  );
}

/** The environment in which `baton` finds them. */
export function settingsOf({ zookeeper, kafka, mongodb }: Endpoints): Record<string, string> {
  return {
    BATON_JOBBOARD_ZOOKEEPER_HOSTS: `${zookeeper}/baton`,
    BATON_TRANSPORT_KAFKA_BROKERS: kafka,
    BATON_PERSISTENCE_MONGODB_URL: mongodb,
  };
}
