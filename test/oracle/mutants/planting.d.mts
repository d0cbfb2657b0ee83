import type { Mutant } from './mutant.js';

export function planted(text: string, mutant: Mutant): string;
