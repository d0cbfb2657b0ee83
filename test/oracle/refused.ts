/** The one table of what Baton refuses to copy, and why: refused.md. */
import { readFileSync } from 'node:fs';

const rows = readFileSync(new URL('./refused.md', import.meta.url), 'utf8').matchAll(
  /^\| `([a-z-]+)` +\| (.+?) +\|/gm,
);

/** Tag → why Baton does otherwise. */
export const refusedTags: ReadonlyMap<string, string> = new Map(
  Array.from(rows, ([, tag = '', reason = '']) => [tag, reason]),
);

/** @throws Error for a tag that the table does not have. */
export function reasonOf(tag: string): string {
  const reason = refusedTags.get(tag);
  if (reason === undefined) throw new Error(`refused.md gives no reason for ${tag}`);
  return reason;
}
