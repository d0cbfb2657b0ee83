import type { Fact } from '@baton/core';

/** The engine knows no time: its fact of a timer gets the due time from the owner that set it. */
export function stampDue(facts: Fact[], id: string, dueAtMs: number): void {
  const index = facts.findLastIndex(
    (fact) => fact.fact === 'timer' && fact.id === id && fact.state === 'set',
  );
  const fact = facts[index];
  if (fact?.fact === 'timer') facts[index] = { ...fact, dueAtMs };
}
