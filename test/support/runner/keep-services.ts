import { environmentOf, provideServices, settingsOf } from '../services/provide-services.js';

/** Starts the real services, prints where they are in a form a shell takes, for tests and for `baton`, and keeps them up until Ctrl-C. */
export async function keepServices(args: readonly string[]): Promise<number> {
  const zookeepers = args[0] === '--zookeepers' && args[1] === '3' ? 3 : 1;
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  const starting = provideServices({ zookeepers, report: (line) => console.error(line) });
  const services = await Promise.race([starting, interrupted]);
  if (services === 'interrupted') return 130; // what was started by now is on a leash: it ends with this process
  const { endpoints } = services;
  for (const [name, value] of Object.entries({ ...environmentOf(endpoints), ...settingsOf(endpoints) }))
    console.log(`export ${name}='${value}'`);
  console.error(`services are up (${services.origin}); Ctrl-C ends them and removes their data`);
  const alive = setInterval(() => undefined, 60_000);
  await interrupted;
  clearInterval(alive);
  await services.stop();
  return 0;
}
