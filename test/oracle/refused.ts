/** The one table of what is not compared, and why: refused.md. */
import { readFileSync } from 'node:fs';
import type { RecordedRun } from './scenario.js';

const rows = readFileSync(new URL('./refused.md', import.meta.url), 'utf8').matchAll(
  /^\| `([a-z-]+)` +\| (.+?) +\|$/gm,
);

/** Tag → why Baton does otherwise. */
export const refusedTags: ReadonlyMap<string, string> = new Map(
  Array.from(rows, ([, tag = '', reason = '']) => [tag, reason]),
);

/** The refused tags of a record. Phases that end in a crash are given no tags; what such a tag means is looked for there. */
export function refusedOf({ expected }: RecordedRun): readonly string[] {
  const tags = new Set(expected.tags);
  const leavesTable = expected.phases.some(({ crashed, events }) =>
    events.some(
      ([, , from, to]) => crashed === true && to === 'REVERTING' && from !== 'SUCCESS' && from !== 'FAILURE',
    ),
  );
  if (leavesTable) tags.add('illegal-transition');
  // the tag is given for atoms left RUNNING; those left REVERTING are the same case
  const leavesReverting = expected.phases.some(
    ({ flow, atoms }) =>
      flow === 'REVERTED' && Object.values(atoms).some(({ state }) => state === 'REVERTING'),
  );
  if (leavesReverting) tags.add('suspend-reported-reverted');
  return [...tags].filter((tag) => refusedTags.has(tag));
}
