/**
 * `npm start`: makes a fresh clone ready, then runs the demo; `npm run example -- NAME` an example instead. With `--services` and none configured, the real services are started first and ended afterwards
 * (as for the tests); everything else is `baton demo`'s own.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bootstrap, BootstrapError } from './bootstrap.mjs';

const [first, ...rest] = process.argv.slice(2);
const isExample = first === 'example';
const command = isExample ? 'example' : 'demo';
const args = isExample ? rest : process.argv.slice(2);
const variables = ['BATON_ZOOKEEPER', 'BATON_KAFKA', 'BATON_MONGODB'];
const configured = [
  'BATON_JOBBOARD_ZOOKEEPER_HOSTS',
  'BATON_TRANSPORT_KAFKA_BROKERS',
  'BATON_PERSISTENCE_MONGODB_URL',
];
const needsServices =
  !isExample &&
  args.includes('--services') &&
  !variables.every((name) => process.env[name]) &&
  !configured.every((name) => process.env[name]);

try {
  // not by a `prestart` hook: npm runs none where install scripts are switched off, and here they are
  await bootstrap({ build: true });
  process.exitCode = needsServices ? await withServices() : await demo(process.env);
} catch (error) {
  // what a person can mend is one line; anything else is a defect and keeps its stack
  const isMeantForPeople = error instanceof BootstrapError || error?.name === 'MissingPrerequisite';
  console.error(isMeantForPeople ? error.message : error);
  process.exitCode = 1;
}

async function withServices() {
  await import('./typescript.mjs');
  const { environmentOf, provideServices } = await import('./services/provide-services.ts');
  const services = await provideServices({ report: (line) => console.error(line) });
  try {
    return await demo({ ...process.env, ...environmentOf(services.endpoints) });
  } finally {
    await services.stop();
  }
}

/** Gives its exit code. Signals reach it too: from the terminal by themselves, others by us. */
function demo(env) {
  const program = fileURLToPath(new URL('../../packages/cli/bin/baton.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, command, ...args], { stdio: 'inherit', env });
  process
    .on('SIGINT', () => undefined)
    .on('SIGTERM', () => child.kill('SIGTERM'))
    .on('SIGHUP', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128 + 15)));
  });
}
