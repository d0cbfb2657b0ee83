/**
 * Lets Node run the TypeScript of test/ as it is: `node --import ./test/support/typescript.mjs FILE.ts`. Types are stripped by swc,
 * which jest uses as well; relative imports name the emitted file (./x.js), as everywhere. Packages are taken from their dist, or with
 * `--conditions=source` from their sources.
 */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { transform } from '@swc/core';

if (isMainThread) register(import.meta.url);

/** Module hook: a relative `./x.js` that does not exist is `./x.ts`. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !/^\.\.?\/.*\.js$/.test(specifier)) throw error;
    return next(specifier.replace(/\.js$/, '.ts'), context);
  }
}

/** Module hook. */
export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  return compiled(filename, await readFile(filename, 'utf8'));
}

/** What a load hook answers for this TypeScript. */
export async function compiled(filename, text) {
  const { code } = await transform(text, {
    filename,
    sourceMaps: 'inline',
    swcrc: false,
    module: { type: 'es6' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
