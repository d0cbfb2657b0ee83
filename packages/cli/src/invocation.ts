/** What every command is given: settings, output, and the ways to services. Made once per process from flags and environment. */
import { openClient, type Client } from '@baton/client';
import type { Logger, Runtime } from '@baton/core';
import type { Environment } from './environment.js';
import { Output, parseFormat } from './output.js';
import { resolveSettings } from './settings.js';
import type { SettingKey, Settings } from './settings.js';
import { clusterAddress } from './substrates.js';
import { systemRuntime } from '@baton/client/runtime';
import { winstonLogger } from './winston-logger.js';

/** Flags that stand for settings; most are taken by every command. */
export interface GlobalFlags {
  readonly output?: string;
  readonly config?: string;
  readonly local?: string;
  readonly zookeeper?: string;
  readonly kafka?: string;
  readonly mongodb?: string;
  readonly board?: string;
  readonly logLevel?: string;
  readonly id?: string;
  readonly maxJobs?: string;
  readonly concurrency?: string;
  readonly std?: string;
  readonly listen?: string;
}

const flagKeys: Readonly<Record<Exclude<keyof GlobalFlags, 'output' | 'config'>, SettingKey>> = {
  local: 'local.socket',
  zookeeper: 'jobboard.zookeeper.hosts',
  kafka: 'transport.kafka.brokers',
  mongodb: 'persistence.mongodb.url',
  board: 'jobboard.board',
  logLevel: 'log.level',
  id: 'member.id',
  maxJobs: 'conductor.max_jobs',
  concurrency: 'worker.concurrency',
  std: 'worker.std',
  listen: 'http.listen',
};

export class Invocation {
  readonly environment: Environment;
  readonly settings: Settings;
  readonly output: Output;
  readonly #cleanups: (() => Promise<void>)[] = [];

  /** @throws InputError for bad flags and settings. */
  constructor(environment: Environment, flags: GlobalFlags, more: Partial<Record<SettingKey, string>> = {}) {
    this.environment = environment;
    const given = Object.entries(flagKeys).flatMap(([flag, key]) => {
      const value = flags[flag as keyof typeof flagKeys];
      return value === undefined ? [] : [[key, value] as const];
    });
    this.settings = resolveSettings({
      environment,
      flags: { ...Object.fromEntries(given), ...more },
      configFile: flags.config,
    });
    this.output = new Output({
      format: parseFormat(flags.output),
      isTerminal: environment.isTerminal,
      write: (text) => void process.stdout.write(text),
    });
  }

  /** Commands that people type are quiet about what services do; daemons log. */
  logger(kind: 'command' | 'daemon', fields: Readonly<Record<string, unknown>> = {}): Logger {
    const format = this.settings.get('log.format');
    const isDefault = this.settings.table().find((row) => row.key === 'log.level')?.origin === 'default';
    return winstonLogger({
      level: kind === 'command' && isDefault ? 'error' : this.settings.get('log.level'),
      json: format === 'json' || (format === 'auto' && !process.stderr.isTTY),
      fields,
    });
  }

  runtime(logger: Logger): Runtime {
    return systemRuntime(logger);
  }

  /** A client of the configured cluster; closed by `close`. */
  async client(options: { readonly clientId?: string; readonly logger?: Logger } = {}): Promise<Client> {
    const client = await openClient({
      ...clusterAddress(this.settings),
      board: this.settings.get('jobboard.board'),
      clientId: `cli-${process.pid}`,
      logger: this.logger('command'),
      ...options,
    });
    this.#cleanups.push(() => client.close());
    return client;
  }

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0)) await cleanup();
  }
}
