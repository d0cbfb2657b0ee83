import { describe, expect, it } from '@jest/globals';
import type { JournalEntry } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import fc from 'fast-check';
import {
  claimEntry,
  fenceOf,
  postEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';
import { installFence } from './install-fence.js';
import { openPersistence, type Persistence } from './persistence.js';

const FLOW = 'f';
type TestRuntime = ReturnType<typeof fakeRuntime>;

/**
 * A claimant that knows only what it read and wrote, and goes on writing until a collision tells it that it is fenced. What it found of the newest
 * entry is old when it claims.
 */
async function liveAsOwner(run: {
  readonly persistence: Persistence;
  readonly runtime: TestRuntime;
  readonly zxid: number;
  readonly turns: number;
  readonly pauseMs: number;
  readonly headHint: number | undefined;
}): Promise<readonly JournalEntry[]> {
  const { runtime, zxid, turns, pauseMs, headHint } = run;
  const { journal } = run.persistence;
  const fence = fenceOf(zxid);
  const pause = () => new Promise<void>((resolve) => runtime.clock.setTimer(pauseMs, resolve));
  await pause();
  const hint = headHint === undefined ? {} : { hint: headHint };
  const head = await journal.head(FLOW, hint).catch(() => undefined);
  await pause();
  const entryFor = ({ seq }: { seq: number }) => claimEntry({ flowId: FLOW, seq, fence });
  const isFresh = zxid % 2 === 0;
  const installed = await installFence({
    journal,
    runtime,
    flowId: FLOW,
    fence,
    isFresh,
    head,
    entryFor,
  });
  if (installed.result !== 'owned') return [];
  const accepted: JournalEntry[] = [installed.entry];
  for (let turn = 1; turn <= turns; turn++) {
    await pause();
    const entry = turnEntry({ flowId: FLOW, seq: installed.entry.seq + turn, fence });
    if ((await journal.append(entry)) === 'collided') break;
    accepted.push(entry);
  }
  return accepted;
}

/** What a guard may have said, or anybody else. */
const headHint = fc.option(fc.oneof(fc.nat(30), fc.maxSafeNat()), { nil: undefined });
const writers = fc.array(fc.record({ turns: fc.nat(6), pauseMs: fc.nat(40), headHint }), {
  minLength: 2,
  maxLength: 5,
});
const faults = fc.array(
  fc.record({
    kind: fc.constantFrom('lose-request', 'lose-reply', 'tear', 'land-late'),
    skip: fc.nat(12),
    delayMs: fc.nat(300),
  }),
  { maxLength: 8 },
);
const lags = fc.array(fc.record({ atMs: fc.nat(200), forMs: fc.nat(400) }), { maxLength: 2 });

describe('the fencing rule (P-404, I02)', () => {
  it('accepts no entry of a lower fence after a claim of a higher one, and loses and doubles none', async () => {
    const property = fc.asyncProperty(
      writers,
      faults,
      lags,
      fc.integer({ min: 1, max: 2 ** 31 }),
      async (owners, planned, stale, seed) => {
        const runtime = fakeRuntime({ seed });
        const { clock } = runtime;
        const store = new SimulatedDocumentStore(runtime);
        const { service } = store;
        service.faults.slowMs = 3;
        const members: Persistence[] = [];
        for (const _ of owners)
          members.push(
            await clock.drive(
              openPersistence({ store: new SimulatedDocumentStore(runtime, { service }), runtime }),
            ),
          );
        await clock.drive((members[0] as Persistence).journal.append(postEntry(FLOW)));
        for (const { kind, ...plan } of planned) service.faults.next(kind, { ...plan, operation: 'insert' });
        for (const { atMs, forMs } of stale) {
          clock.setTimer(atMs, () => service.lag());
          clock.setTimer(atMs + forMs, () => service.catchUp());
        }
        const lives = members.map((persistence, index) =>
          liveAsOwner({
            persistence,
            runtime,
            zxid: (index + 1) * 3,
            ...(owners[index] as { turns: number; pauseMs: number; headHint: number | undefined }),
          }),
        );
        const accepted = (await clock.drive(Promise.all(lives))).flat();
        await clock.advance(1_000);
        service.catchUp();
        const { entries } = await clock.drive((members[0] as Persistence).journal.load(FLOW));

        expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index));
        const zxids = entries.map(({ fence }) => Number(fence.zxid));
        expect(zxids).toEqual([...zxids].sort((left, right) => left - right));
        // what an owner was told is there is there, and nothing else is
        const told = [...accepted].sort((left, right) => left.seq - right.seq);
        expect(entries.slice(1)).toEqual(told);
        // a fence enters the journal by its claim entry only
        entries.forEach(({ fence, kind }, index) => {
          if (index > 1 && fence.zxid !== entries[index - 1]?.fence.zxid) expect(kind).toBe('claim');
        });
        for (const member of members) member.close();
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });
});
