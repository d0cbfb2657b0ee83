/** What `node test/run.mjs …` does: stages, a bench, or the services kept up for hand work. */
import { stores } from '../services/mongodb.js';
import { availableBenches, runBench } from './bench.js';
import { keepServices } from './keep-services.js';
import { isStage, runStages, stageNames } from './stages.js';
import { UsageError } from './usage-error.js';

const usage = `usage: node test/run.mjs [STAGE...] [JEST ARGUMENTS]                     everything, or the named stages
       node test/run.mjs bench NAME [--store STORE] [ARGUMENTS]         a bench of test/bench on the real services
       node test/run.mjs keep-services [--store STORE] [--zookeepers 3] the real services, until Ctrl-C
stages: ${stageNames.join(' ')}
stores: ${stores.join(' ')}`;

/** Gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return 2;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--help') {
    console.log(usage);
    return 0;
  }
  if (first === 'keep-services') return keepServices(rest);
  if (first === 'bench') {
    const [name, ...benchArgs] = rest;
    if (name !== undefined && availableBenches().includes(name)) return runBench(name, benchArgs);
    console.error(
      `usage: npm run bench -- NAME [ARGUMENTS]; names: ${availableBenches().join(' ') || '(none yet)'}`,
    );
    return 2;
  }
  const count = args.findIndex((arg) => !isStage(arg));
  const chosen = (count < 0 ? args : args.slice(0, count)).filter(isStage);
  const jestArgs = count < 0 ? [] : args.slice(count);
  if (chosen.length === 0 && jestArgs.length > 0) {
    console.error(`${jestArgs[0]} is not a stage\n${usage}`);
    return 2;
  }
  return runStages(chosen.length === 0 ? stageNames : chosen, jestArgs);
}
