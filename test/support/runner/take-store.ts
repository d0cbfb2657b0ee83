import { endpointVariables } from '../services/endpoints.js';
import { stores, type Store } from '../services/mongodb.js';
import { UsageError } from './usage-error.js';

const choices = `the stores are ${stores.join(', ')}`;

/**
 * Which server of the MongoDB protocol is asked for (`--store NAME`, `--store=NAME`; none: undefined), and the other arguments.
 *
 * @throws UsageError when there is no such store, or one is given by its address as well.
 */
export function takeStore(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): { readonly store: Store | undefined; readonly rest: readonly string[] } {
  const at = args.findIndex((arg) => arg === '--store' || arg.startsWith('--store='));
  if (at < 0) return { store: undefined, rest: args };
  const [flag = '', next = ''] = args.slice(at);
  const inline = flag === '--store' ? undefined : flag.slice('--store='.length);
  const name = inline ?? next;
  const store = stores.find((one) => one === name);
  if (store === undefined)
    throw new UsageError(
      name === '' ? `--store needs a name: ${choices}` : `--store ${name}: no such store; ${choices}`,
    );
  if (env[endpointVariables.mongodb])
    throw new UsageError(
      `--store starts one, ${endpointVariables.mongodb} names one that runs: leave out one of them`,
    );
  return { store, rest: args.toSpliced(at, inline === undefined ? 2 : 1) };
}
