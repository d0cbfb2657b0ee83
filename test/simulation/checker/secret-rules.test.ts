import { describe, expect, it } from '@jest/globals';
import { History } from '../history.js';
import { secretRules } from './secret-rules.js';

describe('I19: secrets are seen by nobody they are not meant for', () => {
  const seen = (show: (history: History) => void) => {
    const history = new History({ nowMs: 0 });
    history.keep('s3cr3t', 'password of a session');
    history.keep('pin-1', 'value of a user');
    show(history);
    return [...secretRules({ history })];
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const transaction = (text: string) => ({
    ...{ zxid: 1n, sessionId: 1n },
    operations: [
      { type: 'create', path: '/boards/default/jobs/00/j.0', data: bytes(text), ephemeral: false },
    ] as const,
  });
  const document = (body: string) => ({
    ...{ collection: 'values', verdict: 'stored', document: { _id: 'x', body } },
  });

  it('the password of a session is nowhere', () => {
    expect(seen((history) => history.see('log', 'session.state {"token":"s3cr3t"}'))).toEqual([
      'I19 password of a session in log: session.state {"token":"…',
    ]);
    expect(seen((history) => history.transaction(transaction('s3cr3t')))).toHaveLength(1);
    expect(seen((history) => history.document(document('s3cr3t')))).toHaveLength(1);
  });

  it('a value that a user gave is stored, and in no log and no dead letter', () => {
    expect(seen((history) => history.see('log', 'pin-1'))).toHaveLength(1);
    expect(seen((history) => history.record('sim.dead', 0, bytes('pin-1')))).toHaveLength(1);
    expect(seen((history) => history.document(document('pin-1')))).toEqual([]);
    expect(seen((history) => history.transaction(transaction('pin-1')))).toEqual([]);
  });
});
