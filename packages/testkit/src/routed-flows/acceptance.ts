import { builtInCases } from './built-in-cases.js';
import { defaultCases } from './default-cases.js';
import { delegateCases } from './delegate-cases.js';
import { environmentCases } from './environment-cases.js';
import { joinCases } from './join-cases.js';
import { policyCases } from './policy-cases.js';
import { repairCases } from './repair-cases.js';
import { rollbackCases } from './rollback-cases.js';
import { routeCases } from './route-cases.js';
import { subFlowCases } from './sub-flow-cases.js';
import type { RoutedCase } from './routed.js';

/** The acceptance cases of control-flow.md section 19; whoever has a driver runs them. */
export const acceptance: readonly RoutedCase[] = [
  ...routeCases,
  ...joinCases,
  ...policyCases,
  ...delegateCases,
  ...environmentCases,
  ...rollbackCases,
  ...defaultCases,
  ...builtInCases,
  ...subFlowCases,
  ...repairCases,
];
