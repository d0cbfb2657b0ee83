import { onInterruption } from './interruption.js';
import { takeStore } from './take-store.js';
import { UsageError } from './usage-error.js';
import { environmentOf, provideServices, settingsOf } from '../services/provide-services.js';
import { logTail } from '../services/service.js';

/**
 * Starts the real services, prints where they are in a form a shell takes, for tests and for `baton`, and keeps them up until Ctrl-C; when one of them
 * dies, it says so and ends the others.
 *
 * @throws UsageError
 */
export async function keepServices(args: readonly string[]): Promise<number> {
  const { store, rest } = takeStore(args);
  const zookeepers = rest.join(' ') === '--zookeepers 3' ? 3 : 1;
  if (zookeepers === 1 && rest.length > 0)
    throw new UsageError(`not known: ${rest.join(' ')}; there are --zookeepers 3 and --store NAME`);
  const interrupted = new Promise<'interrupted'>((resolve) => {
    onInterruption(() => {
      resolve('interrupted');
      return new Promise(() => undefined); // ends below
    });
  });
  const starting = provideServices({
    zookeepers,
    ...(store === undefined ? {} : { store }),
    report: (line) => console.error(line),
  });
  const services = await Promise.race([starting, interrupted]);
  if (services === 'interrupted') return 130; // what was started by now is on a leash: it ends with this process
  const { endpoints } = services;
  for (const [name, value] of Object.entries({ ...environmentOf(endpoints), ...settingsOf(endpoints) }))
    console.log(`export ${name}='${value}'`);
  console.error(`services are up (${services.origin}); Ctrl-C ends them and removes their data`);
  const alive = setInterval(() => undefined, 60_000);
  const dead = await Promise.race([interrupted, services.lost]);
  clearInterval(alive);
  if (dead !== 'interrupted')
    console.error(`${dead.name} has ended by itself; the others end too. Its log ends:\n${logTail(dead)}`);
  await services.stop();
  return dead === 'interrupted' ? 0 : 1;
}
