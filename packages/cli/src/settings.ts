/**
 * Purpose: configuration: flag → `BATON_*` → `--config` or `BATON_CONFIG` → `./baton.yaml` → the user's file → default (B-231).
 * Resolved once, checked against each other, frozen. Unknown keys are errors with a suggestion.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { checkNotify, clusterDefaults } from '@baton/client';
import { InputError, checkId, durationMs, workerConcurrencyMax } from '@baton/core';
import type { Duration, NotifyTarget } from '@baton/core';
import { parse as parseYaml } from 'yaml';
import { baseUrl, brokers, delegateKeys, listenOn } from './address-settings.js';
import type { Environment } from './environment.js';
import { unknownKey } from './unknown-setting.js';

type Parse<T> = (text: string, key: string) => T;

interface Key<T> {
  readonly parse: Parse<T>;
  /** Undefined: not set. */
  readonly fallback: string | undefined;
  readonly secret?: true;
  readonly about: string;
}

const key = <T>(parse: Parse<T>, fallback: string | undefined, about: string, secret?: true): Key<T> => ({
  parse,
  fallback,
  about,
  ...(secret ? { secret } : {}),
});

const text: Parse<string> = (value) => value;

/** Parted by commas or spaces. */
const partsOf = (value: string): readonly string[] => value.split(/[\s,]+/).filter((part) => part !== '');
const networkList: Parse<readonly string[]> = partsOf;

function listOf<T extends string>(...allowed: readonly T[]): Parse<readonly T[]> {
  return (value, name) => partsOf(value).map((part) => oneOf(...allowed)(part, name));
}

/** What a member would refuse, or a timer or a service could not take, is refused before anything is opened. */
function duration(min: Duration, max: Duration): Parse<number> {
  return (value, name) => {
    const ms = Math.round(durationMs(value, name));
    if (ms < durationMs(min) || ms > durationMs(max))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${name} must be from ${min} to ${max}, got ${JSON.stringify(value)}`,
      );
    return ms;
  };
}

/** A secret: what is wrong with it is said without it. */
const notifyTargetList: Parse<readonly NotifyTarget[]> = (value, name) => {
  let targets: unknown;
  try {
    targets = JSON.parse(value);
  } catch {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${name} must be a JSON list of {"url", "headers", "events"}`,
    );
  }
  checkNotify(targets as readonly NotifyTarget[]);
  return targets as readonly NotifyTarget[];
};

/** Every key, its default and what it is for; `baton config show` prints this. */
export const settingKeys = {
  'local.socket': key(
    text,
    undefined,
    'address of an embedded server (baton dev); replaces the three services',
  ),
  'jobboard.zookeeper.hosts': key(text, '127.0.0.1:2181/baton', 'ZooKeeper servers, with chroot'),
  'jobboard.board': key((value) => checkId('board', value), clusterDefaults.board, 'name of the jobboard'),
  'jobboard.session_timeout': key(duration('100ms', '10m'), '4s', 'session timeout asked of the jobboard'),
  'transport.kafka.brokers': key(brokers, '127.0.0.1:9092', 'Kafka brokers, comma separated'),
  'transport.kafka.prefix': key(text, 'baton', 'prefix of the topics'),
  'transport.kafka.request_slots': key(wholeNumber(1, 10_000), '256', 'partitions that workers lease'),
  'transport.kafka.reply_slots': key(wholeNumber(1, 10_000), '64', 'partitions that conductors lease'),
  'transport.kafka.replication': key(
    wholeNumber(1, 100),
    undefined,
    'replicas of each partition when the topics are made; default 3, or as many as there are brokers',
  ),
  'persistence.mongodb.url': key(text, 'mongodb://127.0.0.1:27017', 'MongoDB connection string', true),
  'persistence.mongodb.db': key(text, clusterDefaults.database, 'database'),
  'conductor.max_jobs': key(wholeNumber(1, 100_000), '2000', 'jobs one conductor owns at most'),
  'poison.claims': key(wholeNumber(1, 1_000), '3', 'claims without progress before a job is trashed'),
  'worker.concurrency': key(
    wholeNumber(1, workerConcurrencyMax),
    String(availableParallelism()),
    'tasks one worker runs at the same time',
  ),
  'worker.std': key(
    listOf('std.http', 'std.shell'),
    '',
    'which of std.http and std.shell a worker offers; std.shell gives whoever posts flows a shell on it',
  ),
  'worker.http_allow': key(
    networkList,
    '',
    'private networks and addresses that std.http may ask: 10.1.0.0/16, 127.0.0.1',
  ),
  'guard.enabled': key(yesOrNo, 'true', 'run conductors and workers under a guard'),
  'guard.hang': key(
    duration('0ms', '1d'),
    undefined,
    'a child that stalls for so long is killed; default 2 × session timeout, 0 = off',
  ),
  'member.id': key(
    (value) => checkId('member', value),
    undefined,
    'name of a conductor or worker; default host, pid and a random part',
  ),
  'health.listen': key(
    listenOn,
    undefined,
    'host:port on which a conductor, worker or API answers GET /livez and /readyz; default: nowhere',
  ),
  'http.listen': key(listenOn, '127.0.0.1:7450', 'host:port on which the API listens'),
  'http.tokens': key(
    text,
    undefined,
    'a line for each token of the API (`baton api token`); without one only this machine may ask',
    true,
  ),
  'http.tls_cert': key(text, undefined, 'certificate of the API, PEM'),
  'http.tls_key': key(text, undefined, 'its private key, PEM', true),
  'http.external_url': key(
    baseUrl,
    undefined,
    'where others reach the API, for links to delegates, such as https://baton.example; default: http.listen',
  ),
  'delegate.keys': key(
    delegateKeys,
    undefined,
    'a line for each key of links to delegates, the same for conductors and API; the first signs, all are known',
    true,
  ),
  'delegate.wait_max': key(
    duration('1s', '365d'),
    '30d',
    'how long from now the answer of a delegate may be waited for, when somebody wants it waited for longer',
  ),
  'http.rate': key(wholeNumber(0, 1_000_000), '500', 'requests a second of one token; 0: any number'),
  'drain.timeout': key(
    duration('0ms', '1h'),
    '25s',
    'longest time a member finishes what it has begun when told to stop',
  ),
  'notify.targets': key(
    notifyTargetList,
    undefined,
    'web hooks that conductors tell of every job: a JSON list of {"url", "headers", "events"}',
    true,
  ),
  'notify.allow': key(
    networkList,
    '',
    'private networks and addresses that web hooks may be in: 10.1.0.0/16, 127.0.0.1',
  ),
  'retention.jobs': key(
    duration('0ms', '3650d'),
    '30d',
    'how long jobs are kept after their end; 0ms: for ever',
  ),
  'retention.count': key(
    wholeNumber(0, 100_000),
    '0',
    'how many of the jobs of a board that have ended are kept; 0: any number',
  ),
  'log.level': key(oneOf('debug', 'info', 'warn', 'error'), 'info', 'least level that is logged'),
  'log.format': key(oneOf('json', 'text', 'auto'), 'auto', 'json, text, or text on a terminal only'),
} as const;

export type SettingKey = keyof typeof settingKeys;
type ValueOf<K extends SettingKey> = (typeof settingKeys)[K] extends Key<infer T> ? T : never;

/** Where a value came from. */
export type Origin = 'flag' | 'environment' | 'default' | `file ${string}`;

export class Settings {
  readonly #raw: ReadonlyMap<SettingKey, { readonly value: string; readonly origin: Origin }>;

  constructor(raw: ReadonlyMap<SettingKey, { readonly value: string; readonly origin: Origin }>) {
    this.#raw = raw;
    for (const name of raw.keys()) this.maybe(name); // a bad value is an error at start, whoever needs it
  }

  /** @throws InputError `BATON_INPUT_INVALID` when it is not set. */
  get<K extends SettingKey>(name: K): ValueOf<K> {
    const value = this.maybe(name);
    if (value === undefined)
      throw new InputError('BATON_INPUT_INVALID', `${name} is not set: give ${variableOf(name)}`);
    return value;
  }

  maybe<K extends SettingKey>(name: K): ValueOf<K> | undefined {
    const raw = this.#raw.get(name);
    return raw === undefined
      ? undefined
      : ((settingKeys[name] as Key<unknown>).parse(raw.value, name) as ValueOf<K>);
  }

  /** Every key with its value as text, secrets masked, and where it came from. */
  table(): {
    readonly key: SettingKey;
    readonly value: string;
    readonly origin: Origin | 'not set';
    readonly about: string;
  }[] {
    return names().map((name) => {
      const raw = this.#raw.get(name);
      const isSecret = (settingKeys[name] as Key<unknown>).secret === true;
      const value = raw === undefined ? '' : isSecret ? masked(raw.value) : raw.value;
      return { key: name, value, origin: raw?.origin ?? 'not set', about: settingKeys[name].about };
    });
  }
}

/**
 * @throws InputError `BATON_INPUT_INVALID` for unknown keys, bad values, values that do not go together, and unreadable files.
 */
export function resolveSettings(sources: {
  readonly environment: Environment;
  readonly flags: Partial<Record<SettingKey, string>>;
  readonly configFile?: string | undefined;
}): Settings {
  const raw = new Map<SettingKey, { value: string; origin: Origin }>();
  for (const name of names()) {
    const { fallback } = settingKeys[name];
    if (fallback !== undefined) raw.set(name, { value: fallback, origin: 'default' });
  }
  for (const file of configFiles(sources))
    for (const [name, value] of readConfig(file)) raw.set(name, { value, origin: `file ${file}` });
  for (const [variable, value] of Object.entries(sources.environment.variables)) {
    const name = names().find((candidate) => variableOf(candidate) === variable);
    if (name !== undefined) raw.set(name, { value, origin: 'environment' });
    else if (!foreignVariables.has(variable)) throw unknownKey(variable, { known: names().map(variableOf) });
  }
  for (const [name, value] of Object.entries(sources.flags))
    raw.set(name as SettingKey, { value, origin: 'flag' });
  const settings = new Settings(raw);
  checkTogether(settings);
  return settings;
}

/** Of an address what is secret in it; of anything else all. */
function masked(value: string): string {
  return /^[a-z0-9+.-]+:\/\//i.test(value) ? value.replace(/:\/\/[^@/]*@/, '://***@') : '***';
}

/** Dots to `_`, upper case. */
export function variableOf(name: SettingKey): string {
  return `BATON_${name.replaceAll('.', '_').toUpperCase()}`;
}

/** Name a member gets when none was configured. */
export function defaultMemberId(kind: string, pid: number, nonce: string): string {
  return `${kind}-${hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 40)}-${pid}-${nonce.slice(0, 6)}`;
}

/** `BATON_` variables that are not keys: the test harness and the configuration file itself. */
const foreignVariables = new Set(['BATON_CONFIG', 'BATON_ZOOKEEPER', 'BATON_KAFKA', 'BATON_MONGODB']);

function names(): SettingKey[] {
  return Object.keys(settingKeys) as SettingKey[];
}

/** Lowest first, so that later ones win. */
function configFiles({
  environment,
  configFile,
}: {
  readonly environment: Environment;
  readonly configFile?: string | undefined;
}): string[] {
  const chosen = configFile ?? environment.variables['BATON_CONFIG'];
  if (chosen !== undefined && !existsSync(chosen))
    throw new InputError('BATON_INPUT_INVALID', `configuration file ${chosen} does not exist`);
  const found = ['/etc/baton/config.yaml', environment.userConfigFile, 'baton.yaml'].filter((file) =>
    existsSync(file),
  );
  return chosen === undefined ? found : [...found, chosen];
}

function readConfig(file: string): [SettingKey, string][] {
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(file, 'utf8'), { maxAliasCount: 10 });
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `configuration file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const isGroup = typeof parsed === 'object' && !Array.isArray(parsed);
  if (parsed !== undefined && !isGroup)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `configuration file ${file} must hold settings (key: value), it holds a ${Array.isArray(parsed) ? 'list' : 'text'}`,
    );
  return flatten(parsed, '').map(([name, value]) => {
    if (!Object.hasOwn(settingKeys, name)) throw unknownKey(name, { known: names(), file });
    return [name as SettingKey, value];
  });
}

function flatten(value: unknown, path: string): [string, string][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value))
    return [[path, Array.isArray(value) ? value.join(',') : String(value as string | number | boolean)]];
  return Object.entries(value).flatMap(([name, inner]) =>
    flatten(inner, path === '' ? name : `${path}.${name}`),
  );
}

/** Relations between values (P-1712). */
function checkTogether(settings: Settings): void {
  const hangMs = settings.maybe('guard.hang');
  const sessionMs = settings.get('jobboard.session_timeout');
  if (hangMs !== undefined && hangMs > 0 && hangMs < sessionMs / 2)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `guard.hang (${hangMs} ms) must be at least half of jobboard.session_timeout (${sessionMs} ms): the child reports every quarter of it`,
    );
  const [cert, key] = [settings.maybe('http.tls_cert'), settings.maybe('http.tls_key')];
  if ((cert === undefined) !== (key === undefined))
    throw new InputError(
      'BATON_INPUT_INVALID',
      'http.tls_cert and http.tls_key go together: give both, or neither',
    );
}

function wholeNumber(min: number, max: number): Parse<number> {
  return (value, name) => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${name} must be a whole number from ${min} to ${max}, got ${JSON.stringify(value)}`,
      );
    return number;
  };
}

function oneOf<T extends string>(...allowed: readonly T[]): Parse<T> {
  return (value, name) => {
    if (!allowed.includes(value as T))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${name} must be one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`,
      );
    return value as T;
  };
}

function yesOrNo(value: string, name: string): boolean {
  return oneOf('true', 'false')(value, name) === 'true';
}
