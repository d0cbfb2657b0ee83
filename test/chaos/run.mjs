/** `npm run chaos -- …`: see main.ts. The members run what tsc writes, so it is written first. */
import { bootstrap, BootstrapError } from '../support/bootstrap.mjs';

try {
  await bootstrap({ build: true });
  await import('../support/typescript.mjs');
  const { main } = await import('./main.ts');
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isMeantForPeople = error instanceof BootstrapError || error?.name === 'MissingPrerequisite';
  console.error(isMeantForPeople ? error.message : error);
  process.exit(1);
}
