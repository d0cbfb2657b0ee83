import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveWorkerOptions } from '@baton/worker';
import { afterAll, describe, expect, it } from '@jest/globals';
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

const isAccepted = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

describe('settings', () => {
  it.each([
    ['BATON_WORKER_CONCURRENCY', 'worker.concurrency', 'concurrency'],
    ['BATON_TRANSPORT_KAFKA_REQUEST_SLOTS', 'transport.kafka.request_slots', 'requestSlots'],
    ['BATON_TRANSPORT_KAFKA_REPLY_SLOTS', 'transport.kafka.reply_slots', 'replySlots'],
  ] as const)('%s is refused where a worker would refuse it, and nowhere else', (variable, key, option) => {
    for (const value of [0, 1, 16, 1_024, 1_025, 10_000, 10_001, 100_000, 100_001])
      expect([value, isAccepted(() => settingsWith({ [variable]: `${value}` }).get(key))]).toEqual([
        value,
        isAccepted(() => resolveWorkerOptions({ [option]: value })),
      ]);
  });

  it.each([
    ['BATON_JOBBOARD_SESSION_TIMEOUT', 'jobboard.session_timeout', 'sessionTimeoutMs'],
    ['BATON_DRAIN_TIMEOUT', 'drain.timeout', 'drainTimeoutMs'],
  ] as const)('%s too, which is a duration', (variable, key, option) => {
    for (const value of [0, 99, 100, 1_000, 600_000, 600_001, 3_600_000, 3_600_001, 86_400_000_000]) {
      expect([value, isAccepted(() => settingsWith({ [variable]: `${value}ms` }).get(key))]).toEqual([
        value,
        isAccepted(() => resolveWorkerOptions({ [option]: value })),
      ]);
    }
  });

  it('what is secret in an address is not shown, and of any other secret nothing', () => {
    const targets =
      '[{"url":"https://hooks.example.com/path-secret","headers":{"authorization":"head-secret"}}]';
    const settings = settingsWith({
      BATON_NOTIFY_TARGETS: targets,
      BATON_PERSISTENCE_MONGODB_URL: 'mongodb://me:pw-secret@db.example.com/x',
    });
    expect(settings.get('notify.targets')).toEqual(JSON.parse(targets));
    const shown = JSON.stringify(settings.table());
    expect(shown).toContain('mongodb://***@db.example.com/x');
    expect(shown).not.toMatch(/secret/);
  });

  it.each(['{"url":"x"}', '[{"url":"ftp://x"}]', 'https://hooks.example.com'])(
    'notify.targets %s is refused',
    (value) => {
      expect(() => settingsWith({ BATON_NOTIFY_TARGETS: value })).toThrow(/notify/);
    },
  );

  it.each([
    ['BATON_JOBBOARD_BORD', 'BATON_JOBBOARD_BOARD'],
    ['BATON_BORD', 'BATON_JOBBOARD_BOARD'],
    ['BATON_KAFKA_BROKER', 'BATON_TRANSPORT_KAFKA_BROKERS'],
    [
      'BATON_JOBORD_X',
      'BATON_JOBBOARD_ZOOKEEPER_HOSTS, BATON_JOBBOARD_BOARD, BATON_JOBBOARD_SESSION_TIMEOUT',
    ],
  ])('for %s another name is suggested', (variable, known) => {
    expect(() => settingsWith({ [variable]: '1' })).toThrow(
      `unknown setting ${variable}, did you mean ${known}?`,
    );
  });

  it.each(['BATON_X', 'BATON_SOMETHING_ELSE'])('for %s none is: nothing is near it', (variable) => {
    expect(() => settingsWith({ [variable]: '1' })).toThrow(new RegExp(`^unknown setting ${variable}$`));
  });

  it('a duration out of its bounds is told with them', () => {
    expect(() => settingsWith({ BATON_JOBBOARD_SESSION_TIMEOUT: '1000d' })).toThrow(
      'jobboard.session_timeout must be from 100ms to 10m, got "1000d"',
    );
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

describe('a configuration file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-settings-'));
  const file = join(folder, 'b.yaml');
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    [
      'jobboard.sesion_timeout: 4s',
      `unknown setting jobboard.sesion_timeout in ${file}, did you mean jobboard.session_timeout?`,
    ],
    ['jobboard: { bord: b }', `unknown setting jobboard.bord in ${file}, did you mean jobboard.board?`],
    ['toString: 1', `unknown setting toString in ${file}`],
    ['- a\n- b', `configuration file ${file} must hold settings (key: value), it holds a list`],
    ['only text', `configuration file ${file} must hold settings (key: value), it holds a text`],
    [
      'jobboard: 5',
      `jobboard in ${file} is a group of settings, not one: jobboard.zookeeper.hosts, jobboard.board, jobboard.session_timeout`,
    ],
  ])('that holds %j is refused with what to do', (text, message) => {
    writeFileSync(file, text);
    const resolve = () =>
      resolveSettings({ environment: { ...environment, variables: {} }, flags: {}, configFile: file });
    expect(resolve).toThrow(expect.objectContaining({ code: 'BATON_INPUT_INVALID', message }));
  });

  it('may be empty, and nest its keys or not', () => {
    const boardOf = (text: string) => {
      writeFileSync(file, text);
      const sources = { environment: { ...environment, variables: {} }, flags: {}, configFile: file };
      return resolveSettings(sources).get('jobboard.board');
    };
    expect(['', 'jobboard.board: b', 'jobboard:\n  board: b'].map(boardOf)).toEqual(['default', 'b', 'b']);
  });
});
