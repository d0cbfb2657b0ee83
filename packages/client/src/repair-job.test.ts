import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compileAny, newAnyRun, stepAny } from '@baton/engine';
import { linear, task } from '@baton/flow';
import { openPersistence, type Persistence } from '@baton/persistence';
import {
  fakeRuntime,
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
} from '@baton/testkit';
import { claimEntry, fenceOf, terminalEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { Client } from './client.js';

const flow = linear('f').add(task('a', { execute: () => undefined }));

describe('what a person wants of a job that has ended (P-604)', () => {
  let runtime: ReturnType<typeof fakeRuntime>;
  let client: Client;
  let owner: Persistence;
  const drive = <T>(promise: Promise<T>): Promise<T> => runtime.clock.drive(promise);

  /** No conductor runs: what is posted stays as it is. */
  beforeEach(async () => {
    runtime = fakeRuntime();
    const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
    const service = new SimulatedCoordinationService(runtime);
    const coordination = new SimulatedCoordination(runtime, { service });
    client = new Client({ runtime, coordination, store, board: 'default', clientId: 'client' });
    await drive(client.post(flow, { key: 'j' }));
    const { clusterId } = await drive(client.cluster());
    owner = await drive(openPersistence({ store, runtime, clusterId }));
  });
  afterEach(async () => {
    owner.close();
    await drive(client.close());
  });

  const end = async (): Promise<void> => {
    const run = newAnyRun(compileAny(flow.toJSON()), { flowId: 'j', store: {} });
    const { facts } = stepAny(run, { type: 'run' });
    const cancelled = stepAny(run, { type: 'cancel', revert: false });
    await drive(owner.journal.append(claimEntry({ flowId: 'j', seq: 1, fence: fenceOf(1), facts })));
    const last = { flowId: 'j', seq: 2, fence: fenceOf(1), facts: cancelled.facts };
    await drive(owner.journal.append(terminalEntry(last, 'CANCELLED')));
  };
  const stored = () => drive(owner.commands.after('j', 0));

  it('is stored once under its key, and marked for whoever finishes posts', async () => {
    await end();
    const options = { from: 'a', key: 'k', by: 'mo', reason: 'it was full' };
    expect(await drive(client.rerun('j', options))).toBe(1);
    expect(await drive(client.rerun('j', options))).toBe(1);
    expect(await stored()).toMatchObject([
      { n: 1, command: 'rerun', arguments: { from: 'a' }, by: 'mo', reason: 'it was full' },
    ]);
    expect(await drive(owner.jobs.get('j'))).toMatchObject({ state: 'REOPENING' });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['rerun', () => client.rerun('j')],
    ['skip', () => client.skip('j', { atom: 'a' })],
    ['revert', () => client.revert('j')],
  ])('%s is refused of a job that goes on, and nothing is stored', async (_, ask) => {
    await expect(drive(ask())).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_REPAIRABLE' });
    expect([await stored(), await drive(owner.jobs.get('j'))]).toMatchObject([[], { state: 'POSTED' }]);
  });

  it('is refused of an atom that there is not', async () => {
    await end();
    const message = 'job j has no atom aa, did you mean a?';
    const unknown = { code: 'BATON_NOT_FOUND_ATOM', message };
    await expect(drive(client.rerun('j', { from: 'aa' }))).rejects.toMatchObject(unknown);
    await expect(drive(client.skip('j', { atom: 'aa' }))).rejects.toMatchObject(unknown);
    await expect(drive(client.revert('none'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    expect(await stored()).toEqual([]);
  });
});
