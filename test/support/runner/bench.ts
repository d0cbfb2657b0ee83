/** Benches: `test/bench/NAME.ts`, each a program of its own that finds the services, if it needs them, through `realServices()` and prints its figures. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap } from '../bootstrap.mjs';
import { environmentOf, provideServices } from '../services/provide-services.js';
import { onInterruption } from './interruption.js';
import { takeStore } from './take-store.js';
import { root, runNode } from './tool.js';
import { UsageError } from './usage-error.js';

const folder = join(root, 'test/bench');
const loader = join(root, 'test/support/typescript.mjs');

/** Benches of what happens inside one process. */
const withoutServices: readonly string[] = ['engine', 'expressions'];

export function availableBenches(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => /^([a-z0-9-]+)\.ts$/.exec(name)?.slice(1) ?? []);
}

/** Only the bench writes to standard output. Gives its exit code. @throws UsageError */
export async function runBench(name: string, args: readonly string[]): Promise<number> {
  const { store, rest } = takeStore(args);
  const needsServices = !withoutServices.includes(name);
  if (store !== undefined && !needsServices) throw new UsageError(`${name} runs without a store`);
  await bootstrap({ build: true });
  const command = ['--import', loader, join(folder, `${name}.ts`), ...rest];
  // one thread: helpers of the collector wait for the other work of a busy machine, and with them the bench
  if (!needsServices) return (await runNode(['--single-threaded-gc', ...command])).code;
  const services = await provideServices({
    ...(store === undefined ? {} : { store }),
    report: (line) => console.error(line),
  });
  const done = onInterruption(() => services.stop());
  try {
    return (await runNode(command, { env: environmentOf(services.endpoints) })).code;
  } finally {
    await services.stop();
    done();
  }
}
