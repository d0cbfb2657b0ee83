/**
 * The other end of the bare round trip: answers each request in partition 0 of `<prefix>.task.request` by a result in partition 0 of
 * `<prefix>.task.reply`, through the same outbox and inbox as a worker. Arguments: prefix. Ends with its standard input.
 */
import { KafkaPartitionLog } from '@baton/transport/kafka';
import { Inbox, Outbox } from '@baton/transport';
import { realRuntime } from '@baton/testkit';
import { realServices } from '../services/endpoints.js';

const prefix = process.argv[2] ?? '';
const runtime = realRuntime();
const log = new KafkaPartitionLog({
  brokers: realServices().kafka.split(','),
  clientId: 'bench-echo',
  logger: runtime.logger,
});
const common = { log, prefix, runtime, clusterId: 'bench' };
const outbox = await Outbox.open({ ...common, sender: 'echo' });
await Inbox.openRequests({
  ...common,
  partition: 0,
  onMessages(messages) {
    for (const { message } of messages)
      if (message.kind === 'request')
        outbox.sendReply(0, {
          kind: 'result',
          worker: 'echo',
          workerEpoch: message.workerEpoch,
          requestId: message.requestId,
          delivery: message.delivery,
          outcome: { value: { data: null } },
        });
  },
  onPoison: ({ reason }) => {
    throw reason;
  },
});
console.log('ready');
process.stdin.on('end', () => process.exit()).resume();
