import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { OutageLog } from './outage-log.js';

describe('an outage', () => {
  it('is told when it begins, at growing intervals, and when it is over; every try only at debug', async () => {
    const { clock, logger } = fakeRuntime();
    const outage = new OutageLog({
      clock,
      logger,
      messages: { waiting: 'waiting', back: 'back' },
      fields: { id: 'c1' },
    });
    outage.over();
    for (let second = 0; second < 100; second++) {
      outage.failed(new Error('away'));
      await clock.advance(1_000);
    }
    outage.over();
    outage.over();
    const told = logger.lines.filter(({ level }) => level !== 'debug');
    expect(told.map(({ message, fields }) => [message, fields['forMs'] ?? fields['afterMs']])).toEqual([
      ['waiting', 0],
      ['waiting', 10_000],
      ['waiting', 30_000],
      ['waiting', 70_000],
      ['back', 100_000],
    ]);
    expect(logger.messages('debug')).toHaveLength(96);
    expect(told.every(({ fields }) => fields['id'] === 'c1')).toBe(true);
  });
});
