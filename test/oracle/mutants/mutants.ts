import { dataFaults } from './list/data.js';
import { deciderFaults } from './list/deciders.js';
import { executionFaults } from './list/execution.js';
import { resumptionFaults } from './list/resumption.js';
import { retryFaults } from './list/retries.js';
import type { Mutant } from './mutant.js';

/** Every planted fault; all rule groups of the engine have some. */
export const mutants: readonly Mutant[] = [
  ...dataFaults,
  ...deciderFaults,
  ...retryFaults,
  ...executionFaults,
  ...resumptionFaults,
];
