/** Loaded by `--import` into members that are to be profiled (`--cpu-prof` may not stand in NODE_OPTIONS): from start to exit. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 500 });
session.post('Profiler.start');
process.on('exit', () =>
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    const name = `${process.env.BATON_MEMBER_ID}-${process.pid}.cpuprofile`;
    writeFileSync(join(process.env.BENCH_PROFILES, name), JSON.stringify(result.profile));
  }),
);
