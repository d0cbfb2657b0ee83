import { answerRules } from './answer-rules.js';
import { boardRules } from './board-rules.js';
import { childRules } from './child-rules.js';
import { delegateRules } from './delegate-rules.js';
import { eventRules } from './event-rules.js';
import type { Evidence } from './evidence.js';
import { journalRules } from './journal-rules.js';
import { modelRules } from './model-rules.js';
import { postRules } from './post-rules.js';
import { requestRules } from './request-rules.js';
import { routedRules } from './routed-rules.js';
import { runRules } from './run-rules.js';

/** The breaches of the invariants of reliability section 14, one line each. A pure function of what was seen. */
export function check(evidence: Evidence): string[] {
  return [
    ...journalRules(evidence),
    ...boardRules(evidence),
    ...runRules(evidence),
    ...routedRules(evidence),
    ...delegateRules(evidence),
    ...eventRules(evidence),
    ...childRules(evidence),
    ...requestRules(evidence),
    ...postRules(evidence),
    ...answerRules(evidence),
    ...modelRules(evidence),
  ];
}
