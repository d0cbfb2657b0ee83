/** Where the real services are, as the runner (or you) set it in BATON_ZOOKEEPER, BATON_KAFKA and BATON_MONGODB. */
export interface Endpoints {
  /** `host:port[,host:port…]` */
  readonly zookeeper: string;
  /** `host:port[,host:port…]` */
  readonly kafka: string;
  /** `mongodb://host:port/…` */
  readonly mongodb: string;
}

export const endpointVariables = {
  zookeeper: 'BATON_ZOOKEEPER',
  kafka: 'BATON_KAFKA',
  mongodb: 'BATON_MONGODB',
} as const satisfies Record<keyof Endpoints, string>;

/**
 * For tests that need the real services. Each is looked up when it is read, so a test that needs only ZooKeeper runs
 * with only ZooKeeper. Throws with the remedy when one is missing: a missing service is a failure, never a skip.
 */
export function realServices(): Endpoints {
  return {
    get zookeeper() {
      return endpoint('zookeeper');
    },
    get kafka() {
      return endpoint('kafka');
    },
    get mongodb() {
      return endpoint('mongodb');
    },
  };
}

function endpoint(service: keyof Endpoints): string {
  const variable = endpointVariables[service];
  const value = process.env[variable];
  if (value === undefined || value === '')
    throw new Error(
      `${variable} is not set: run \`npm test\`, or \`npm run services\` in another terminal and set what it prints`,
    );
  return value;
}
