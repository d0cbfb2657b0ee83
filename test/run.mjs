/**
 * Runs the tests, the benches, and the services for hand work; `node test/run.mjs --help` tells how. This file makes sure that the packages
 * are there; what it does is in support/runner, in TypeScript.
 */
import { bootstrap, BootstrapError } from './support/bootstrap.mjs';

try {
  await bootstrap({ build: false });
  await import('./support/typescript.mjs');
  const { main } = await import('./support/runner/main.ts');
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  // what a person can mend is one line; anything else is a defect and keeps its stack
  const isMeantForPeople = error instanceof BootstrapError || error?.name === 'MissingPrerequisite';
  console.error(isMeantForPeople ? error.message : error);
  process.exit(1);
}
