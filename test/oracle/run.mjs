/** `node test/oracle/run.mjs [--mode strict|exact|lazy|crash|parallel] FILE...`: replays recordings of TaskFlow; see main.ts. */
import { bootstrap } from '../support/bootstrap.mjs';

await bootstrap({ build: process.env.BATON_ORACLE_BUILD !== '0' });
await import('../support/typescript.mjs');
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
