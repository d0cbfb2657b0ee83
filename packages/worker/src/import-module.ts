import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InputError, familyOf, toFailure } from '@baton/core';

/**
 * What the module in this file exports. Runs it: only for modules that whoever runs this program has named.
 * @throws InputError `BATON_INPUT_INVALID` when it cannot be loaded; the module's own when it builds a task or flow wrongly: that says more.
 */
export async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const family = familyOf(cause);
    if (family === 'definition' || family === 'input') throw cause;
    const reason = toFailure(cause).message.replace(/ imported from .*$/s, '');
    throw new InputError(
      'BATON_INPUT_INVALID',
      `module ${file} cannot be loaded: ${reason}${missingPackage(reason)}`,
      { cause },
    );
  }
}

/** Node looks for a package beside and above the module that wants it, wherever the program was started: people expect otherwise. */
function missingPackage(reason: string): string {
  const name = /^Cannot find (?:package|module) '((?:@[^'/]+\/)?[^'/.@][^'/]*)/.exec(reason)?.[1];
  if (name === undefined) return '';
  const source = name.startsWith('@baton/')
    ? fileURLToPath(new URL(name.replace('@baton', '../..'), import.meta.url))
    : name;
  return ` beside it or above; in its folder: npm install ${source}`;
}
