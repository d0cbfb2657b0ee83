import { partitionLogContract, transportSuite, type PartitionLogWorld } from '@baton/testkit/suites';
import { realRuntime } from '@baton/testkit';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { KafkaPartitionLog } from './index.js';

async function kafkaWorld(): Promise<PartitionLogWorld> {
  const { logger, random } = realRuntime();
  const opened: KafkaPartitionLog[] = [];
  const connect = () => {
    const log = new KafkaPartitionLog({
      brokers: realServices().kafka.split(','),
      clientId: 'baton-test',
      logger,
    });
    opened.push(log);
    return log;
  };
  return {
    primitive: connect(),
    topicPrefix: `test-${random.nonce().slice(0, 12)}.`,
    peer: async () => connect(),
    dispose: async () => void (await Promise.all(opened.map((log) => log.close()))),
  };
}

partitionLogContract('Kafka', kafkaWorld);
transportSuite('Kafka', kafkaWorld);
