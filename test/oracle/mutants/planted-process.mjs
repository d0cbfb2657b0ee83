/** Preloaded by a process that runs from source: its file with the fault is compiled with the fault in it. */
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { compiled } from '../../support/typescript.mjs';
import { planted } from '../../support/planted.mjs';
import { fault, faulty } from './planting.mjs';

if (isMainThread) register(import.meta.url);

/** Module hook. */
export async function load(url, context, next) {
  if (url !== faulty) return next(url, context);
  const filename = fileURLToPath(url);
  return compiled(filename, planted(await readFile(filename, 'utf8'), fault));
}
