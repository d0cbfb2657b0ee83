import type { JsonValue } from '@baton/core';
import { expr, graph, task, unordered } from '@baton/flow';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Cluster } from './fixtures/cluster.js';

const list: JsonValue = Array.from({ length: 3_000 }, (_, index) => index);
const gives = (name: string) => task(name, { provides: name, execute: () => list });
const counts = (name: string) => task(name, { execute: () => 1 });
/** About 24,000 steps: nine of them are as much as one turn may take. */
const dear = (source: string) => expr(Array(4).fill(`${source}.all(x, x >= 0)`).join(' && '));

describe('conditions that cost more than one turn may', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  async function run(flow: Parameters<Cluster['client']['post']>[0], sources: readonly string[]) {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(
      cluster.worker('w1', {
        ...Object.fromEntries(sources.map((name) => [name, () => ({ data: list })])),
        target: () => ({ data: 1 }),
      }),
    );
    const jobId = await cluster.drive(cluster.client.post(flow, {}));
    const { outcome } = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
    return { outcome, asked: worker.seen.map(({ requestId }) => requestId) };
  }

  it('are asked in several turns', async () => {
    const source = gives('source');
    const targets = Array.from({ length: 20 }, (_, index) => counts('target').as(`target${index}`));
    const flow = targets.reduce(
      (flow, target) => flow.link(source, target, { decider: dear('source') }),
      graph('fan').addAll([source, ...targets]),
    );
    const { outcome, asked } = await run(flow, ['source']);
    expect([outcome, asked.length, new Set(asked).size]).toEqual(['SUCCESS', 21, 21]);
  });

  it('do not lose answers that came in the same batch', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const parts = names.map((name) => {
      const [source, target] = [gives(name), counts('target').as(`target.${name}`)];
      return graph(`g.${name}`)
        .addAll([source, target])
        .link(source, target, { decider: dear(name) });
    });
    const { outcome, asked } = await run(unordered('all').add(...parts), names);
    expect([outcome, asked.length, new Set(asked).size]).toEqual(['SUCCESS', 40, 40]);
  });
});
