/** One planted fault: what a hasty hand could do to the code of a rule. */
export interface Mutant {
  readonly id: string;
  /** The rule it breaks. */
  readonly rule: `E-${number}` | `C-${number}` | `S${number}`;
  /** Below packages/. */
  readonly file: string;
  /** Source text that occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What it does wrong. */
  readonly why: string;
}

/** A mutant as its author writes it: the file is said once for all of a group. */
export type Fault = Omit<Mutant, 'file'>;

export function inFile(file: string, faults: readonly Fault[]): readonly Mutant[] {
  return faults.map((fault) => ({ ...fault, file }));
}
