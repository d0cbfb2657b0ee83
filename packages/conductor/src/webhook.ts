/** Sends one notification over HTTP, under the egress rules; time is bounded, the answer not read, and no redirect followed. */
import type { NotifyTarget } from '@baton/core';
import { createEgress } from '@baton/transport';

/** Resolves when it was taken. */
export type SendNotification = (
  target: NotifyTarget,
  message: { readonly body: string; readonly id: string },
) => Promise<void>;

const TIMEOUT_MS = 10_000;

/**
 * What it rejects with names neither headers nor the path of the url, where secrets may be.
 * @param allow networks (`10.1.0.0/16`) and addresses that may be sent to although they are private
 * @throws InputError `BATON_INPUT_INVALID` for one that is none
 */
export function createWebhook({ allow }: { readonly allow: readonly string[] }): SendNotification {
  const egress = createEgress({ allow, setting: 'notify.allow' });
  return async ({ url, headers = {} }, { body, id }) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const own = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const answer = await egress({
      ...{ url, method: 'POST', body, signal },
      headers: { ...headers, ...own, 'user-agent': 'baton', 'idempotency-key': id },
    }).catch((error: unknown) => {
      throw signal.aborted ? new Error('no answer within 10 s', { cause: error }) : error;
    });
    const { statusCode = 0 } = answer;
    answer.destroy();
    if (statusCode >= 200 && statusCode < 300) return;
    const isRedirect = statusCode >= 300 && statusCode < 400;
    throw new Error(
      `${new URL(url).hostname} answered ${statusCode}${isRedirect ? ': redirects are not followed' : ''}`,
    );
  };
}
