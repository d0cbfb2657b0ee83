/** A conductor that is cut off from the log, and from nothing else (P-616). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { UnavailableError, type LogAppender, type LogReader } from '@baton/core';
import { linear } from '@baton/flow';
import { SimulatedPartitionLog } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

class CutLog extends SimulatedPartitionLog {
  isCut = false;

  override async openAppender(): Promise<LogAppender> {
    return this.#behindTheCut(await super.openAppender());
  }

  override async openReader(topic: string): Promise<LogReader> {
    return this.#behindTheCut(await super.openReader(topic));
  }

  #behindTheCut<T extends object>(service: T): T {
    const refuses = (name: string | symbol): boolean => this.isCut && name !== 'close';
    return new Proxy(service, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown =>
          refuses(name)
            ? Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'cut'))
            : value.apply(target, args);
      },
    });
  }
}

describe('a conductor that is cut off from the log', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  const post = (name: string) => cluster.drive(cluster.client.post(linear(name).add(noop('t')), {}));

  it('says so, claims nothing, leaves what it has to others, and comes back', async () => {
    cluster = new Cluster();
    const { clock } = cluster.runtime;
    const log = new CutLog(cluster.runtime, { service: cluster.logs });
    const { conductor } = cluster.conductor('c1', {}, { log });
    await cluster.drive(cluster.worker('w1', { t: ok }));
    await clock.advance(2_000);
    expect(conductor.readiness.ready).toBe(true);
    log.isCut = true;
    await clock.advance(1_000);
    expect(conductor.readiness).toMatchObject({
      ready: false,
      checks: { log: expect.stringContaining('cut') },
    });
    const waiting = await post('waiting');
    await clock.advance(5_000);
    expect(conductor.counters.claimed).toBe(0);
    log.isCut = false;
    expect((await cluster.drive(cluster.client.wait(waiting, { timeoutMs: 5_000 }))).outcome).toBe('SUCCESS');
  });

  it('ends its session when it stays cut off', async () => {
    cluster = new Cluster();
    const { clock } = cluster.runtime;
    const log = new CutLog(cluster.runtime, { service: cluster.logs });
    const first = cluster.conductor('c1', {}, { log });
    const jobs = [await post('a'), await post('b')];
    await clock.advanceUntil(() => first.conductor.counters.claimed === 2);
    log.isCut = true;
    cluster.conductor('c2');
    await cluster.drive(cluster.worker('w1', { t: ok }));
    await clock.advance(60_000);
    for (const jobId of jobs)
      expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 1_000 }))).outcome).toBe('SUCCESS');
    log.isCut = false;
    await clock.advance(10_000);
    expect(first.conductor.readiness.ready).toBe(true);
  });
});
