/** Module hook: plants one bug: the one place in one source file is replaced as it is loaded. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { planted } from '../../support/planted.mjs';
import { compiled } from '../../support/typescript.mjs';

let sabotage;
let file;

export function initialize(given) {
  sabotage = given;
  file = new URL(`../../../${sabotage.file}`, import.meta.url).href;
}

export async function load(url, context, next) {
  if (url !== file) return next(url, context);
  const filename = fileURLToPath(url);
  const text = planted(await readFile(filename, 'utf8'), sabotage);
  const { also } = sabotage;
  return compiled(filename, also === undefined ? text : planted(text, { ...sabotage, ...also }));
}
