/**
 * The one task of random flows, for simulated workers (world-task.ts) and for real ones (test/chaos/tasks.mjs). What a call does depends on its definition
 * and its round and attempt alone, so a repetition does the same. Plain JavaScript, because real workers load it.
 */
import { task } from '@baton/flow';
import { z } from 'zod';

const resultOf = ({ flowId, atom, round }) => `${flowId}/${atom}/${round}`;

export const stepTask = (place) =>
  task('sim.step', {
    requires: { fails: z.number().int(), revertFails: z.boolean(), ms: z.number(), bytes: z.number() },
    optional: { input: z.string() },
    provides: 'done',
    execute: async ({ fails, ms, bytes, input }, context) => {
      const call = await place.begin('execute', context);
      if (input !== undefined && !input.startsWith(`${context.flowId}/`))
        place.odd(`${context.requestId} was given ${input}, a result of another flow`);
      await place.pass(ms, context);
      const isFailing = ((fails >> (context.round + context.attempt - 2)) & 1) === 1;
      place.end(call, isFailing);
      if (isFailing) throw new Error(`${context.atom} fails in ${context.round}.${context.attempt}`);
      return resultOf(context).padEnd(bytes, '.');
    },
    revert: async ({ revertFails, ms }, context) => {
      const call = await place.begin('revert', context);
      const { result } = context;
      if (typeof result === 'string' && !result.startsWith(resultOf(context)))
        place.odd(`${context.requestId} was given ${result.slice(0, 40)}, not its own result`);
      await place.pass(ms, context);
      place.end(call, revertFails);
      if (revertFails) throw new Error(`${context.atom} cannot be undone`);
    },
  });
