/** A process that runs seeds for lanes.ts, from the sources of the packages; with a sabotage in them when one is given (see sabotage/). */
import { register } from 'node:module';
await import('../support/typescript.mjs');
const sabotage = process.env.BATON_SIMULATION_SABOTAGE;
if (sabotage !== undefined) register('./sabotage/hooks.mjs', import.meta.url, { data: JSON.parse(sabotage) });
await import('./lane.ts');
