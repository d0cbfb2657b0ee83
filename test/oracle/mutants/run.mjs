/** `node test/oracle/mutants/run.mjs [--only ID]... [--jobs N]`: plants faults in the engine and sees that the tests find them; see main.ts. */
import { bootstrap } from '../../support/bootstrap.mjs';

await bootstrap({ build: false });
await import('../../support/typescript.mjs');
const { main } = await import('./main.ts');
process.exit(await main(process.argv.slice(2)));
