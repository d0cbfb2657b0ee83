/**
 * Purpose: the stages of `npm test`, one after the other, each with its time; at the end what failed, once more, and the sums.
 * On failure of a stage: the next ones run all the same; only those that need services which could not be started count as failed unrun.
 */
import { bootstrap } from '../bootstrap.mjs';
import { environmentOf, provideServices, type ProvidedServices } from '../services/provide-services.js';
import { runChaos } from './chaos-stage.js';
import { onInterruption } from './interruption.js';
import { runJest } from './jest-stage.js';
import { runOracle } from './oracle-stage.js';
import { runSimulation } from './simulation-stage.js';
import { runNode } from './tool.js';

/** What a stage came to: how many passed, and each failure in words. */
export interface StageResult {
  readonly passed: number;
  readonly failures: readonly string[];
}

interface StageContext {
  /** Started when the first stage asks. */
  services(): Promise<ProvidedServices>;
  readonly jestArgs: readonly string[];
}

type Stage = (context: StageContext) => Promise<StageResult>;

const bin = (path: string): string => `node_modules/${path}`;

const stages = {
  format: tool([[bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']]),
  lint: tool([[bin('eslint/bin/eslint.js'), '--config', 'test/eslint.config.mjs', 'packages', 'test']]),
  types: tool([
    [bin('typescript/bin/tsc'), '-b'],
    [bin('typescript/bin/tsc'), '-p', 'test'],
  ]),
  imports: tool([
    [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      'test/dependency-cruiser.config.cjs',
      'packages',
    ],
  ]),
  unit: jest('unit'),
  oracle: runOracle,
  simulation: runSimulation,
  architecture: jest('architecture'),
  local: jest('local'),
  // these share the services and watch the time: one after the other, in one process
  services: jest('services', { needsServices: true }),
  integration: jest('integration', { needsServices: true }),
  failover: jest('failover', { needsServices: true }),
  // services of its own: they are what fails
  chaos: runChaos,
} as const satisfies Record<string, Stage>;

export type StageName = keyof typeof stages;
export const stageNames = Object.keys(stages) as StageName[];
const startsProcesses: ReadonlySet<StageName> = new Set([
  'oracle',
  'local',
  'integration',
  'failover',
  'chaos',
]);
export const isStage = (name: string): name is StageName => Object.hasOwn(stages, name);

/** Runs them in the given order and prints as it goes. Gives the exit code. */
export async function runStages(names: readonly StageName[], jestArgs: readonly string[]): Promise<number> {
  // tests that start processes need what tsc writes; the stage `types` writes it as well, and reports its errors
  if (!names.includes('types') && names.some((name) => startsProcesses.has(name)))
    await bootstrap({ build: true });
  const services = servicesOnDemand();
  const done = onInterruption(services.stop);
  let passed = 0;
  const failures: string[] = [];
  try {
    for (const name of names) {
      const result = await runStage(name, { services: services.get, jestArgs });
      passed += result.passed;
      failures.push(...result.failures.map((failure) => `${name}: ${failure}`));
    }
  } finally {
    await services.stop();
    done();
  }
  if (failures.length > 0)
    console.log(`\nFailed:\n${failures.map((failure) => `  ✗ ${failure}`).join('\n')}`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

async function runStage(name: StageName, context: StageContext): Promise<StageResult> {
  console.log(`\n▸ ${name}`);
  const started = performance.now();
  const result = await stages[name](context).catch((error: unknown): StageResult => {
    const text = error instanceof Error ? error.message : String(error);
    return { passed: 0, failures: [text] };
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const failed = result.failures.length;
  console.log(`${failed === 0 ? '✓' : '✗'} ${name}: ${result.passed} passed, ${failed} failed, ${seconds} s`);
  return result;
}

/** Tools that speak only when something is wrong; all of them count as one. */
function tool(commands: readonly (readonly string[])[]): Stage {
  return async () => {
    const failures: string[] = [];
    for (const command of commands) {
      const { code, output } = await runNode(command, { quiet: true });
      if (code !== 0) {
        console.log(output.trimEnd());
        failures.push(
          `${command.map((part) => part.replace(/^.*\//, '')).join(' ')} ended with code ${code}`,
        );
      }
    }
    return { passed: failures.length === 0 ? 1 : 0, failures };
  };
}

function jest(project: string, { needsServices = false } = {}): Stage {
  return async ({ services, jestArgs }) => {
    if (!needsServices) return runJest({ project, jestArgs, env: {}, inBand: false });
    const { endpoints } = await services();
    return runJest({ project, jestArgs, env: environmentOf(endpoints), inBand: true });
  };
}

/** One attempt: a second stage that needs them fails for the same reason as the first. */
function servicesOnDemand(): { get(): Promise<ProvidedServices>; stop(): Promise<void> } {
  let starting: Promise<ProvidedServices> | undefined;
  const start = async (): Promise<ProvidedServices> => {
    const started = performance.now();
    const provided = await provideServices({ report: (line) => console.log(`  ${line}`) });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`  real services: ${provided.origin}, up in ${seconds} s`);
    return provided;
  };
  return {
    get: () => (starting ??= start()),
    stop: async () => {
      const provided = await starting?.catch(() => undefined);
      await provided?.stop();
    },
  };
}
