import { describe, expect, it } from '@jest/globals';
import { CapturingLogger, eventually } from '@baton/testkit';
import { MongoDocumentStore } from './mongo-document-store.js';

describe('a MongoDB that is not there', () => {
  it('is told of at once, and once, though an operation waits for it for half a minute', async () => {
    const logger = new CapturingLogger();
    const store = new MongoDocumentStore({ url: 'mongodb://127.0.0.1:1', database: 'd', logger });
    await eventually(() => logger.messages('warn').length > 0);
    await store.get('journal', ['a']).catch(() => undefined);
    expect(logger.messages()).toEqual(['store.unreachable']);
    await store.close();
  });
});
