import { eventually } from './eventually.js';

/**
 * Remembers what keeps this process alive now; `verify` waits until nothing more does: sockets, servers, pipes, child processes.
 * Timers do not count: the test runner has some of its own that come and go; a fake clock tells its own by `pendingTimers`.
 */
export function leakCheck(): { verify(options?: { readonly withinMs?: number }): Promise<void> } {
  const before = activeResources();
  return {
    async verify(options = {}) {
      let leaked: string[] = [];
      const clean = () => {
        leaked = [...activeResources()].flatMap(([kind, count]) => {
          const more = count - (before.get(kind) ?? 0);
          return more > 0 ? [`${more} ${kind}`] : [];
        });
        return leaked.length === 0;
      };
      await eventually(clean, { withinMs: options.withinMs ?? 2_000 }).catch(() => {
        throw new Error(`leaked: ${leaked.join(', ')}`);
      });
    },
  };
}

const passing = new Set(['Immediate', 'Timeout']);

function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (!passing.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
