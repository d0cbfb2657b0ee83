import { InputError, type PartitionLog } from '@baton/core';

/** The three topics of a Baton installation; fixed, none is made per process (P-321). */
export interface Topics {
  /** One partition per worker slot: its inbox. */
  readonly request: string;
  /** One partition per conductor slot: its inbox. */
  readonly reply: string;
  /** Records nobody could decode, with the reason. */
  readonly dead: string;
}

export interface SlotCounts {
  readonly requestSlots: number;
  readonly replySlots: number;
}

/** @throws InputError `BATON_INPUT_INVALID` unless 1 to 200 characters of `A-Z a-z 0-9 . _ -`. */
export function topicsOf(prefix: string): Topics {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(prefix))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `topic prefix ${JSON.stringify(prefix)} must be 1 to 200 of A-Z a-z 0-9 . _ -`,
    );
  return Object.freeze({
    request: `${prefix}.task.request`,
    reply: `${prefix}.task.reply`,
    dead: `${prefix}.dead`,
  });
}

/** Creates what is missing and raises partition counts, never lowers them. Idempotent. */
export async function ensureTopics(log: PartitionLog, prefix: string, slots: SlotCounts): Promise<void> {
  const topics = topicsOf(prefix);
  await log.ensureTopics([
    { topic: topics.request, partitions: slots.requestSlots },
    { topic: topics.reply, partitions: slots.replySlots },
    { topic: topics.dead, partitions: 1 },
  ]);
}
