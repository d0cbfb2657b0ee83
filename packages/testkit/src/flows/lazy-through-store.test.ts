/** The proof that the lazy engine keeps nothing: every event is one load, one step, one save, and what is saved is the journal's own text. */
import { type Fact, type JournalEntry, noFence, type StoredDocument } from '@baton/core';
import { type FlowDetail, type LogBook, runDefinition, type StoredFlow } from '@baton/engine';
import { canonicalFlowJson, parseFlowDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeEntry, encodeEntry } from '../../../persistence/src/entry-codec.js';
import { type RandomFlow, randomFlows } from './random-flow.js';

/** Everything is text, encoded and decoded as the journal of a cluster does; nobody shares an object with anybody. */
class TextLogBook implements LogBook {
  readonly #posts = new Map<string, string>();
  readonly documents: string[] = [];
  loads = 0;

  create({ flowId, definition, store }: FlowDetail): Promise<void> {
    this.#posts.set(flowId, JSON.stringify({ definition: canonicalFlowJson(definition), store }));
    return Promise.resolve();
  }

  append(flowId: string, seq: number, facts: readonly Fact[]): Promise<void> {
    expect(seq).toBe(this.documents.length);
    const entry: JournalEntry = { kind: 'turn', flowId, seq, facts, fence: noFence, opId: `${seq}`, atMs: 0 };
    this.documents.push(JSON.stringify(encodeEntry(entry)));
    return Promise.resolve();
  }

  load(flowId: string): Promise<StoredFlow | undefined> {
    this.loads++;
    const post = this.#posts.get(flowId);
    if (post === undefined) return Promise.resolve(undefined);
    const { definition, store } = JSON.parse(post) as { definition: string; store: FlowDetail['store'] };
    return Promise.resolve({
      detail: { flowId, store, definition: parseFlowDefinition(JSON.parse(definition)) },
      turns: this.documents.map((text) => decodeEntry(JSON.parse(text) as StoredDocument)?.facts ?? []),
    });
  }
}

async function ran(flow: RandomFlow, engine: 'serial' | 'lazy', logBook?: TextLogBook) {
  const { outcome, results, failures, transitions } = await runDefinition(flow.fresh(), {
    engine,
    ...(logBook && { logBook }),
  });
  const why = failures.map(({ atom, phase, message, round }) => [atom, phase, message, round]);
  return { outcome, results, why, transitions };
}

describe('a run that is loaded, stepped, saved and forgotten at every event', () => {
  it('is the run of an engine that keeps everything in memory and stores nothing', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows({ revertFailures: true }), async (flow) => {
        const logBook = new TextLogBook();
        expect(await ran(flow, 'lazy', logBook)).toEqual(await ran(flow, 'serial'));
        // one load to see whether it is there, and one for each event; none of them was spared
        expect(logBook.loads).toBeGreaterThan(logBook.documents.length);
      }),
      { numRuns: 20 },
    );
  });

  it('leaves the journal that an engine leaves which keeps the run', async () => {
    await fc.assert(
      fc.asyncProperty(randomFlows({ revertFailures: true }), async (flow) => {
        const [lazy, held] = [new TextLogBook(), new TextLogBook()];
        await ran(flow, 'lazy', lazy);
        await ran(flow, 'serial', held);
        expect(lazy.documents.map(withoutStacks)).toEqual(held.documents.map(withoutStacks));
      }),
      { numRuns: 10 },
    );
  });
});

/** A stack tells from where a task was called. */
function withoutStacks(document: string): string {
  const { body, ...envelope } = JSON.parse(document) as { body: string };
  const facts = JSON.parse(body, (key, value: unknown) => (key === 'stack' ? undefined : value)) as unknown;
  return JSON.stringify({ ...envelope, facts });
}
