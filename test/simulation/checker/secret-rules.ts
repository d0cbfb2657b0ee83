import type { History } from '../history.js';
import type { Violations } from './evidence.js';

/** I19: no secret was seen by anybody it is not meant for. */
export function* secretRules({ history }: { readonly history: Pick<History, 'exposed'> }): Violations {
  for (const sight of new Set(history.exposed)) yield `I19 ${sight}`;
}
