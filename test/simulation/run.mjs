/** `npm run simulate -- …`: see main.ts. Runs the packages from their sources: nothing needs to be built. */
import { bootstrap } from '../support/bootstrap.mjs';

await bootstrap({ build: false });
await import('../support/typescript.mjs');
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
