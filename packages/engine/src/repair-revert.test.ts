import { codeOf } from '@baton/core';
import { linear, task } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { MemoryLogBook } from './drivers/log-book.js';
import { type BeginEvent, type EngineKind, runFlow } from './run-flow.js';

/** Reverting `disk` fails so often; `net` is before it. */
function world(failing: number) {
  const [undone, logBook]: [unknown[], MemoryLogBook] = [[], new MemoryLogBook()];
  const net = task('net', {
    execute: () => 1,
    revert: (_args, { result }) => void undone.push(['net', result]),
  });
  const disk = task('disk', {
    execute: () => 'd1',
    revert: (_args, { result }) => {
      undone.push(['disk', result]);
      if (failing-- > 0) throw new Error('busy');
    },
  });
  const boot = task('boot', {
    execute: () => {
      throw new Error('no kernel');
    },
  });
  const flow = linear('f').add(net, disk, boot);
  const run = (engine: EngineKind, begin?: BeginEvent) =>
    runFlow(flow, { store: {}, logBook, engine, ...(begin && { begin }) });
  const facts = async () => (await logBook.load('in-process'))?.turns.flat() ?? [];
  return { run, undone, logBook, facts };
}

describe.each<EngineKind>(['serial', 'parallel', 'lazy'])(
  'after a failed revert, in the %s engine',
  (engine) => {
    it('the revert is called again with the same result, and what is before it is undone too (E-1321)', async () => {
      const { run, undone, facts } = world(2);
      expect((await run(engine)).outcome).toBe('FAILURE');
      const again = { type: 'retryRevert', atom: 'disk', by: 'mo', reason: 'unmounted' } as const;
      expect(await run(engine, again)).toMatchObject({
        outcome: 'FAILURE',
        failures: [{ atom: 'boot' }, { atom: 'disk', phase: 'revert', attempt: 2 }],
      });
      expect((await run(engine, again)).outcome).toBe('REVERTED');
      expect(undone).toEqual([
        ['disk', 'd1'],
        ['disk', 'd1'],
        ['disk', 'd1'],
        ['net', 1],
      ]);
      expect(await facts()).toContainEqual(
        expect.objectContaining({
          atom: 'disk',
          from: 'REVERT_FAILURE',
          to: 'REVERTING',
          note: { by: 'mo', reason: 'unmounted' },
        }),
      );
    });

    it('the atom is taken as undone by hand, and the journal says by whom and why (E-1322)', async () => {
      const { run, undone, facts } = world(1);
      await run(engine);
      const accepted = { type: 'acceptRevert', atom: 'disk', by: 'mo', reason: 'deleted it' } as const;
      expect((await run(engine, accepted)).outcome).toBe('REVERTED');
      expect(undone).toEqual([
        ['disk', 'd1'],
        ['net', 1],
      ]);
      expect(await facts()).toContainEqual({
        fact: 'atom',
        atom: 'disk',
        from: 'REVERT_FAILURE',
        to: 'REVERTED',
        note: { by: 'mo', reason: 'deleted it' },
      });
    });

    it('running on is refused, and so is an atom there is not (E-1310)', async () => {
      const { run } = world(1);
      await run(engine);
      expect(await run(engine).catch(codeOf)).toBe('BATON_CONFLICT_HALF_UNDONE');
      expect(await run(engine, { type: 'acceptRevert', atom: 'dsk' }).catch(codeOf)).toBe(
        'BATON_INPUT_INVALID',
      );
    });

    it('a retry whose engine died is taken up by asking once more', async () => {
      const { run, undone, logBook } = world(1);
      await run(engine);
      const append = logBook.append.bind(logBook);
      logBook.append = (flowId, seq, facts) =>
        facts.some((fact) => fact.fact === 'atom' && fact.to === 'REVERTED')
          ? Promise.reject(new Error('power cut'))
          : append(flowId, seq, facts);
      const again = { type: 'retryRevert', atom: 'disk' } as const;
      await expect(run(engine, again)).rejects.toThrow('power cut');
      logBook.append = append;
      expect((await run(engine, again)).outcome).toBe('REVERTED');
      expect(undone.slice(-1)).toEqual([['net', 1]]);
    });
  },
);

it('a finished run can be undone later, twice does no harm (E-1323)', async () => {
  const undone: string[] = [];
  const logBook = new MemoryLogBook();
  const flow = linear('f').add(
    ...(['a', 'b'] as const).map((name) =>
      task(name, { execute: () => name, revert: () => void undone.push(name) }),
    ),
  );
  const options = { store: {}, logBook };
  expect((await runFlow(flow, options)).outcome).toBe('SUCCESS');
  expect((await runFlow(flow, { ...options, begin: { type: 'revert' } })).outcome).toBe('REVERTED');
  expect((await runFlow(flow, { ...options, begin: { type: 'revert' } })).outcome).toBe('REVERTED');
  expect(undone).toEqual(['b', 'a']);
});
