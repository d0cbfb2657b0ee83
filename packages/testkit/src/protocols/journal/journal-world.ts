import type { DocumentStore, Runtime } from '@baton/core';
import { openPersistence, type Persistence } from '@baton/persistence';
import type { Scope, World } from '../../contracts/contract.js';
import { realRuntime } from '../../runtime/runtimes.js';

/** `primitive` and `peer` share one empty database. */
export type JournalWorld = World<DocumentStore>;

/** What each case begins with: the store opened by one member, and a way to open it as another. */
export interface OpenedJournal {
  readonly own: Persistence;
  readonly runtime: Runtime;
  other(): Promise<Persistence>;
}

export async function opened(world: JournalWorld, scope: Scope): Promise<OpenedJournal> {
  const runtime = realRuntime();
  const open = async (store: DocumentStore): Promise<Persistence> => {
    const persistence = await openPersistence({ store, runtime });
    scope.own({ close: async () => persistence.close() });
    return persistence;
  };
  return { own: await open(world.primitive), runtime, other: async () => open(await world.peer()) };
}
