import { expect, it } from '@jest/globals';
import { readMeta } from '@baton/jobboard';
import { SimulatedCoordination, realRuntime } from '@baton/testkit';
import { examineGuard, examineReplicas, examineSession } from './doctor.js';
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

it('looking at a jobboard does not make one', async () => {
  const session = await new SimulatedCoordination(realRuntime()).connect({ timeoutMs: 4_000 });
  const [board] = await examineSession(session, 'here');
  expect(board).toMatchObject({
    check: 'jobboard',
    state: 'ok',
    found: expect.stringContaining('nothing there yet'),
  });
  expect(await readMeta(session)).toBeUndefined();
  await session.close();
});
