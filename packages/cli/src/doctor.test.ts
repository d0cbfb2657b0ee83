import { expect, it } from '@jest/globals';
import { examineGuard, examineReplicas } from './doctor.js';
import { resolveSettings } from './settings.js';

it('a single replica is worth a note, with what to do about it', () => {
  expect(examineReplicas(1)).toMatchObject({
    state: 'note',
    remedy: expect.stringContaining('three brokers'),
  });
  expect(examineReplicas(3)).toEqual({ check: 'replication', state: 'ok', found: '3 replicas' });
});

it('the loss of a host is seen within the timeout that the board grants, not the one that was asked for', () => {
  const environment = {
    ...{ userConfigFile: '/nowhere', color: false, isTerminal: false, program: 'baton', forChildren: {} },
    variables: { BATON_JOBBOARD_SESSION_TIMEOUT: '100ms' },
  };
  const { found } = examineGuard(resolveSettings({ environment, flags: {} }), 400);
  expect(found).toBe('a crash is seen in milliseconds, the loss of a host within 400 ms');
});
