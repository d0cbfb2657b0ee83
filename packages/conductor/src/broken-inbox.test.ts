import { linear } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { Cluster, noop, ok } from './fixtures/cluster.js';

it('a conductor whose inbox is not read any more ends, and says why: it would be there and deaf', async () => {
  const cluster = new Cluster();
  const { logger } = cluster.runtime;
  const debug = logger.debug.bind(logger);
  const defect = new Error('a defect of a handler');
  Object.assign(logger, {
    debug: (...line: Parameters<typeof debug>) => {
      if (line[0] === 'result.superseded') throw defect;
      debug(...line);
    },
  });
  const owner = cluster.conductor('c1');
  await cluster.drive(cluster.worker('w1', { t: ok }, { answersFormerOwner: true })); // answers twice
  await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
  await cluster.runtime.clock.advance(1_000);
  await expect(cluster.drive(owner.stop())).rejects.toBe(defect);
  await cluster.dispose();
});
