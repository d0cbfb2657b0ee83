import { resolveWorkerOptions } from '@baton/worker';
import { describe, expect, it } from '@jest/globals';
import { resolveSettings } from './settings.js';

const environment = {
  userConfigFile: '/nowhere',
  color: false,
  isTerminal: false,
  program: 'baton',
  forChildren: {},
};
const settingsWith = (variables: Readonly<Record<string, string>>) =>
  resolveSettings({ environment: { ...environment, variables }, flags: {} });

describe('settings', () => {
  it.each([
    ['BATON_WORKER_CONCURRENCY', 'worker.concurrency', 'concurrency'],
    ['BATON_TRANSPORT_KAFKA_REQUEST_SLOTS', 'transport.kafka.request_slots', 'requestSlots'],
    ['BATON_TRANSPORT_KAFKA_REPLY_SLOTS', 'transport.kafka.reply_slots', 'replySlots'],
  ] as const)('%s is refused where a worker would refuse it, and nowhere else', (variable, key, option) => {
    const isAccepted = (work: () => unknown): boolean => {
      try {
        work();
        return true;
      } catch {
        return false;
      }
    };
    for (const value of [0, 1, 16, 1_024, 1_025, 10_000, 10_001, 100_000, 100_001])
      expect([value, isAccepted(() => settingsWith({ [variable]: `${value}` }).get(key))]).toEqual([
        value,
        isAccepted(() => resolveWorkerOptions({ [option]: value })),
      ]);
  });

  it.each(['kafka:9092', 'k1:1, k2:65535', '[::1]:9092'])('Kafka brokers may be %s', (value) => {
    const variables = { BATON_TRANSPORT_KAFKA_BROKERS: value };
    expect(settingsWith(variables).get('transport.kafka.brokers')).toBe(value);
  });

  it.each(['foo', 'foo:', 'foo:0', 'foo:65536', 'foo:9092,', 'kafka://foo:9092', ''])(
    'Kafka brokers may not be %j',
    (value) => {
      expect(() => settingsWith({ BATON_TRANSPORT_KAFKA_BROKERS: value })).toThrow(
        expect.objectContaining({
          code: 'BATON_INPUT_INVALID',
          message: `transport.kafka.brokers must look like host:port,host:port, got ${JSON.stringify(value)}`,
        }),
      );
    },
  );
});
