/**
 * Purpose: looks which test is red first with a fault: the unit tests, then the recordings of TaskFlow. What a fault costs is the start of a
 *   process; it is ended at the first red test.
 * What is authoritative: what the tools print. How long they take without a fault is measured when it is asked for first; a fault that takes
 *   many times as long never ends.
 * On failure: a tool that ends badly without naming a test is red. Without a fault nothing may be red. The processes are on a leash.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LeashedProcess } from '../../support/services/leashed-process.js';
import { root } from '../../support/runner/tool.js';
import { modes } from '../judge.js';
import type { Mutant } from './mutant.js';

interface Stage {
  readonly name: string;
  readonly args: readonly string[];
  /** Finds the name of a red test in what the tool prints. */
  readonly red: RegExp;
}

const here = 'test/oracle/mutants';
/** They measure time, or types: they say nothing about a rule, and are red now and then on a busy machine. */
const tests = '^(?!.*(even cost|slowed down|200,000))';
const leftOut = ['/(large-flows|flow-types)\\.test', '(services|local)\\.test'];
/** Those that find most come first, and those that take long last. */
const early = '/(scenarios|(taskflow-)?rules|decisions|run-flow|taken-up|small-flows|planted-faults)\\.test';
const late = '/(recorded|fold|expression|expression-oracle)\\.test';
/** A fault that never ends may take all memory. */
const memory = '--max-old-space-size=1500';
const jest = [
  ...[memory, '--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  ...['node_modules/jest/bin/jest.js', '--config', `${here}/jest.config.mjs`, '--runInBand', '-t', tests],
];
const oracle = [
  ...[memory, '--conditions=source', '--import', `./${here}/planted-process.mjs`],
  'test/oracle/run.mjs',
];
const corpus = readdirSync(join(root, 'test/oracle/corpus'))
  .filter((file) => file.includes('.jsonl'))
  .map((file) => `test/oracle/corpus/${file}`);

const red = { unit: /^ *● (.+)/m, oracle: /^✗ (\S+): /m };
const stages: readonly Stage[] = [
  { name: 'unit', args: [...jest, '--testPathPatterns', early], red: red.unit },
  { name: 'unit', args: [...jest, '--testPathIgnorePatterns', early, late, ...leftOut], red: red.unit },
  ...modes.map((mode) => ({
    name: `oracle ${mode}`,
    args: [...oracle, '--mode', mode, ...corpus],
    red: red.oracle,
  })),
  { name: 'unit', args: [...jest, '--testPathPatterns', late], red: red.unit },
];

/** What each stage takes without a fault, in ticks of 100 ms: unlike the clock they stand still when the machine does. */
const usual = new Map<Stage, Promise<number>>();

/** Its stage and name; undefined: no test is red. @throws Error when a test is red without any fault. */
export async function redTestWith(fault: Mutant): Promise<string | undefined> {
  for (const stage of stages) {
    if (!usual.has(stage)) usual.set(stage, ticksOf(stage));
    const limit = ((await usual.get(stage)) ?? 0) * 5 + 300;
    const { red } = await run(stage, { fault, limit });
    if (red !== undefined) return `${stage.name}: ${red}`;
  }
  return undefined;
}

async function ticksOf(stage: Stage): Promise<number> {
  const { red, ticks } = await run(stage, { limit: Infinity });
  if (red !== undefined) throw new Error(`red without any fault: ${stage.name}: ${red}`);
  return ticks;
}

async function run(
  { args, red }: Stage,
  { fault, limit }: { readonly fault?: Mutant; readonly limit: number },
): Promise<{ readonly red: string | undefined; readonly ticks: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-mutant-'));
  const logFile = join(folder, 'output');
  const env = {
    ...process.env,
    BATON_ORACLE_BUILD: '0',
    ...(fault && { BATON_FAULT: JSON.stringify(fault) }),
  };
  try {
    const command = { command: process.execPath, args, logFile, folder, cwd: root, env };
    const child = await LeashedProcess.start(command);
    for (let ticks = 0; ; ticks++) {
      const { isRunning } = child;
      const name = red.exec(readFileSync(logFile, 'utf8'))?.[1];
      if (isRunning && name === undefined && ticks < limit) {
        await delay(100);
        continue;
      }
      await child.end();
      const code = await child.ended;
      const unnamed = isRunning ? 'does not end' : code === 0 ? undefined : `ends with code ${code}`;
      return { red: name ?? unnamed, ticks };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
