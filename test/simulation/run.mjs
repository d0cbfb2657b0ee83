/** `npm run simulate -- [--seeds N] [--from S] [--seed X --trace]`: see main.ts. */
import { bootstrap } from '../support/bootstrap.mjs';

await bootstrap({ build: process.env.BATON_SIMULATION_BUILD !== '0' });
await import('../support/typescript.mjs');
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
