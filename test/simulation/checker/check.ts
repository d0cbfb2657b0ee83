import { answerRules } from './answer-rules.js';
import { boardRules } from './board-rules.js';
import type { Evidence } from './evidence.js';
import { journalRules } from './journal-rules.js';
import { modelRules } from './model-rules.js';
import { postRules } from './post-rules.js';
import { requestRules } from './request-rules.js';
import { runRules } from './run-rules.js';

/** The breaches of the invariants of reliability section 14, one line each. A pure function of what was seen. */
export function check(evidence: Evidence): string[] {
  return [
    ...journalRules(evidence),
    ...boardRules(evidence),
    ...runRules(evidence),
    ...requestRules(evidence),
    ...postRules(evidence),
    ...answerRules(evidence),
    ...modelRules(evidence),
  ];
}
