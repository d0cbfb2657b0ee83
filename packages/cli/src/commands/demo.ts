/** `baton demo`: real processes, real kills, and a report that is checked against what is on disk. */
import { existsSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '@baton/core';
import { Option, type Command } from 'commander';
import { killChoices, playDemo, type KillChoice } from '../demo/demo.js';
import { JsonTeller, PlainTeller, type Teller } from '../demo/teller.js';
import { reportText } from '../demo/report.js';
import { Screen } from '../demo/screen.js';
import { chooseSources, type Source } from '../demo/source-files.js';
import { exitCodes } from '../exit-codes.js';
import { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { variableOf, type SettingKey } from '../settings.js';

interface DemoFlags {
  readonly services?: boolean;
  readonly kill: KillChoice;
  readonly folder?: string;
  readonly json?: boolean;
}

const deadlineMs = 60_000;
const filesPerRelease = 24;
const fanOut = 1_000;
const stoppedText = 'Stopped before its end: nothing was checked.\n';

export function addDemoCommand(program: Command, run: Run): void {
  program
    .command('demo')
    .description(
      'conductors and workers are killed while they work; nothing is lost, and the report proves it',
    )
    .option('--services', 'on the configured ZooKeeper, Kafka and MongoDB instead of the embedded server')
    .addOption(
      new Option('--kill <what>', 'host: a conductor and its guard, after both')
        .choices(killChoices)
        .default('both'),
    )
    .option('--folder <folder>', "what is released; default: Baton's own packages, or the current folder")
    .option('--json', 'JSON lines, the last one is the report')
    .action(run(demo));
}

async function demo(invocation: Invocation, _: readonly string[], flags: DemoFlags): Promise<number> {
  const sources = await chooseSources(flags.folder ?? defaultFolder(), { count: 5, filesPerRelease });
  const quit = new AbortController();
  const interrupt = (): void => quit.abort(new Interrupted());
  const deadline = setTimeout(
    () =>
      quit.abort(
        new UnavailableError(
          'BATON_UNAVAILABLE_DEADLINE',
          `the demo did not end within ${deadlineMs / 1_000} s`,
        ),
      ),
    deadlineMs,
  );
  for (const signal of stopSignals) process.on(signal, interrupt);
  process.stdout.on('error', interrupt); // whoever read it has gone
  const teller = tellerFor(invocation, flags, { services: flags.services === true, quit: interrupt });
  const cleanups: (() => Promise<void>)[] = [];
  try {
    noteCuts(sources, teller);
    const report = await playDemo({
      kill: flags.kill,
      sources,
      fanOut,
      stage: {
        environment: invocation.environment.forChildren,
        logger: invocation.logger('command'),
        embedded: flags.services !== true,
      },
      tasksModule: fileURLToPath(new URL('../../dist/demo/tasks.js', import.meta.url)),
      connect: async (address) => {
        const settings = settingsFor(invocation, address);
        const inner = new Invocation(invocation.environment, {}, settings);
        cleanups.push(() => inner.close());
        const variables = Object.entries(settings).map(([key, value]) => [
          variableOf(key as SettingKey),
          value,
        ]);
        return {
          client: await inner.client(),
          variables: Object.fromEntries(variables) as Record<string, string>,
        };
      },
      signal: quit.signal,
      tell: (event) => teller.tell(event),
      onPerformance: (performance) => teller.show(performance),
    });
    teller.end({ report }, reportText(report));
    return report.problems.length === 0 ? exitCodes.ok : exitCodes.unexpected;
  } catch (error) {
    teller.end(undefined, error instanceof Interrupted ? stoppedText : '');
    if (error instanceof Interrupted) return exitCodes.interrupted;
    throw error;
  } finally {
    clearTimeout(deadline);
    for (const signal of stopSignals) process.off(signal, interrupt);
    process.stdout.off('error', interrupt);
    for (const cleanup of cleanups) await cleanup();
  }
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Quit by the person at the keyboard, or told to stop. */
class Interrupted extends Error {}

function tellerFor(
  { environment, output }: Invocation,
  flags: DemoFlags,
  o: { readonly services: boolean; readonly quit: () => void },
): Teller {
  const write = (text: string): void => void process.stdout.write(text);
  if (flags.json === true || output.isJson) return new JsonTeller(write);
  return environment.isTerminal && process.stdin.isTTY ? new Screen({ write, ...o }) : new PlainTeller(write);
}

/** On services of one's own: names that no other run has, so that nothing of theirs is touched. */
function settingsFor(
  { settings, environment }: Invocation,
  address: string | undefined,
): Partial<Record<SettingKey, string>> {
  const slots = { 'transport.kafka.request_slots': '16', 'transport.kafka.reply_slots': '16' } as const;
  const members = {
    'worker.concurrency': '8',
    'drain.timeout': '2s',
    'jobboard.session_timeout': '4s',
    ...slots,
  } as const;
  if (address !== undefined) return { 'local.socket': address, ...members };
  const run = `baton-demo-${randomBytes(4).toString('hex')}`;
  const { BATON_ZOOKEEPER: zookeeper, BATON_KAFKA: kafka, BATON_MONGODB: mongodb } = environment.variables;
  const [hosts = ''] = (zookeeper ?? settings.get('jobboard.zookeeper.hosts')).split('/');
  return {
    'jobboard.zookeeper.hosts': `${hosts}/${run}`,
    'transport.kafka.brokers': kafka ?? settings.get('transport.kafka.brokers'),
    'transport.kafka.prefix': run,
    'persistence.mongodb.url': mongodb ?? settings.get('persistence.mongodb.url'),
    'persistence.mongodb.db': run,
    ...members,
  };
}

/** In a checkout, the sources of Baton themselves. */
function defaultFolder(): string {
  const packages = fileURLToPath(new URL('../../..', import.meta.url));
  return existsSync(`${packages}/cli/src`) ? packages : '.';
}

function noteCuts(sources: readonly Source[], teller: Teller): void {
  const cut = sources.filter(({ files, found }) => files.length < found);
  if (cut.length === 0) return;
  const names = cut.map(({ name, found }) => `${name} (${found} files)`).join(', ');
  teller.tell({
    atMs: 0,
    event: 'cut',
    text: `the first ${filesPerRelease} files each of ${names}`,
    filesPerRelease,
  });
}
