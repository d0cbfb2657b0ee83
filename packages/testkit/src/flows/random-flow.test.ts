import { LazyEngine, MemoryLogBook, newRun, compile, step } from '@baton/engine';
import type { Command, EngineKind } from '@baton/engine';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordedRun } from './recorded-run.js';
import type { RecordedRun } from './recorded-run.js';
import { randomFlows } from './random-flow.js';
import { crashEverywhere } from './resume-from-every-save-point.js';
import { traceText } from './trace.js';

const runs = { numRuns: 40 };
/** Each of these is one run for each entry. */
const matrices = { numRuns: 20 };

describe('engines of one process, on random flows', () => {
  it('serial and lazy do the same, change for change', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows({ revertFailures: true }), async (flow) => {
        const [serial, lazy] = await Promise.all([
          recordedRun(flow.fresh(), { engine: 'serial' }),
          recordedRun(flow.fresh(), { engine: 'lazy' }),
        ]);
        expect(traceText(lazy)).toBe(traceText(serial));
        expect({ ...lazy, trace: [], failures: [] }).toEqual({ ...serial, trace: [], failures: [] });
      }),
      runs,
    );
  });

  it('all end alike where the outcome does not depend on who is quicker', async () => {
    const alike = fc.oneof(randomFlows({ failures: false }), randomFlows({ siblings: false }));
    await fc.assert(
      fc.asyncProperty(alike, fc.integer({ min: 1, max: 5 }), async (flow, concurrency) => {
        const ended = async (engine: EngineKind) => {
          const { outcome, results, atoms } = await recordedRun(flow.fresh(), { engine, concurrency });
          return { outcome, results, atoms };
        };
        const serial = await ended('serial');
        expect(await ended('parallel')).toEqual(serial);
        expect(await ended('lazy')).toEqual(serial);
      }),
      runs,
    );
  });

  it('a flow ends done or undone, whatever runs at the same time (E-1933)', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows(), fc.integer({ min: 1, max: 5 }), async (flow, concurrency) => {
        const run = await recordedRun(flow.fresh(), { engine: 'parallel', concurrency });
        expectDoneOrUndone(run);
      }),
      runs,
    );
  });

  it('the lazy engine, called by a loop that remembers nothing but what is to be done, gives the same facts as step', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows(), async (flow) => {
        const logBook = new MemoryLogBook();
        const detail = { flowId: 'f', definition: flow.definition, store: {} };
        const held = newRun(compile(flow.definition), detail);
        let turn = step(held, { type: 'run' });
        const open: Command[] = [...turn.commands];
        expect((await new LazyEngine({ logBook }).start(detail)).facts).toEqual(turn.facts);
        for (let command = open.shift(); command; command = open.shift()) {
          const event = answer(command);
          if (!event) continue;
          turn = step(held, event);
          expect((await new LazyEngine({ logBook }).apply('f', event)).facts).toEqual(turn.facts);
          open.push(...turn.commands);
        }
        expect(['SUCCESS', 'REVERTED']).toContain(held.flow);
      }),
      runs,
    );
  });
});

describe('the crash matrix, on random flows (E-1331, E-1941)', () => {
  it('a flow whose schedule is fixed ends as if nothing had happened, wherever its engine dies', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows({ siblings: false, revertFailures: true }), async (flow) => {
        const { differences } = await crashEverywhere(flow.fresh);
        expect(differences).toEqual([]);
      }),
      matrices,
    );
  });

  it('any flow ends done or undone, and nothing that the journal knew to be done is done again', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomFlows(),
        fc.constantFrom<EngineKind>('serial', 'parallel', 'lazy'),
        async (flow, engine) => {
          const whole = await recordedRun(flow.fresh(), { engine });
          const { differences } = await crashEverywhere(flow.fresh, { engine });
          expect(differences.filter(({ what }) => what === 'call')).toEqual([]);
          for (let entry = 1; entry <= whole.entries; entry++)
            expectDoneOrUndone(await recordedRun(flow.fresh(), { engine, crashAfter: entry }));
        },
      ),
      matrices,
    );
  });
});

function expectDoneOrUndone({ outcome, atoms }: RecordedRun): void {
  const states = Object.values(atoms);
  if (outcome === 'SUCCESS') expect(states.every((state) => state === 'SUCCESS')).toBe(true);
  else {
    expect(outcome).toBe('REVERTED');
    expect(states.every((state) => state === 'REVERTED' || state === 'PENDING')).toBe(true);
  }
}

function answer(command: Command) {
  switch (command.type) {
    case 'execute':
    case 'revert':
      return { type: 'completed', requestId: command.requestId, value: { data: command.attempt } } as const;
    case 'startTimer':
      return { type: 'timerFired', id: command.id } as const;
    default:
      return undefined;
  }
}
