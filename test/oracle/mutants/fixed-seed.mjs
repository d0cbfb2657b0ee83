/** The same faults are found each time, and one counterexample is enough. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1, endOnFailure: true });
