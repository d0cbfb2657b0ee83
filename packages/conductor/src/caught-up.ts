import type { ReplyMessage, Runtime } from '@baton/core';
import type { Inbox } from '@baton/transport';

const RETRY_MS = 200;

/** Resolves when everything that stood in the inbox at the time of the call was handed over, or all is over; tries until the log answers. */
export async function caughtUp(
  inbox: Pick<Inbox<ReplyMessage>, 'end' | 'reached'>,
  { runtime, isOver }: { readonly runtime: Runtime; readonly isOver: () => boolean },
): Promise<void> {
  while (!isOver()) {
    try {
      return await inbox.reached(await inbox.end());
    } catch (error) {
      runtime.logger.debug('inbox.end-unknown', { error });
      await new Promise<void>((resolve) => runtime.clock.setTimer(RETRY_MS, resolve));
    }
  }
}
