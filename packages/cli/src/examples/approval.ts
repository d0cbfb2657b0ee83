/**
 * Purpose: the example of an approval by link: a small cluster on this machine, its API, and one job that waits for a person.
 * States: open → the mail with the link has come → answered: the job ends.
 * On failure: whatever was started is ended by whoever opened the stage.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@baton/client';
import type { Stage } from '../demo/stage.js';
import { loadFlow } from '../load-flow.js';

/** Where users read them. */
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const lookEveryMs = 50;

export interface Mail {
  readonly subject: string;
  readonly url: string;
}

export interface ApprovalOptions {
  readonly stage: Stage;
  readonly client: Client;
  /** Starts the API with these keys; gives where it is. */
  readonly listen: (delegateKeys: string) => Promise<string>;
  readonly onMail: (mail: Mail, jobId: string) => void;
  readonly signal: AbortSignal;
}

/** What the job has given when somebody has answered. Rejects with the reason of `signal`. */
export async function playApproval(options: ApprovalOptions): Promise<Readonly<Record<string, unknown>>> {
  const { stage, client, listen, onMail, signal } = options;
  const keys = randomBytes(32).toString('hex');
  const address = await listen(keys);
  stage.variables = {
    BATON_LOCAL_SOCKET: stage.address ?? '',
    BATON_DELEGATE_KEYS: keys,
    BATON_HTTP_EXTERNAL_URL: address,
  };
  stage.start('conductor', 'c1');
  stage.start('worker', 'w1', ['--tasks', join(examples, 'approval-tasks.mjs')]);
  const mailbox = join(stage.folder, 'mailbox');
  const store = { change: 'DNS of baton.example', mailbox };
  const { jobId } = await client.postOrFind(await loadFlow(join(examples, 'approval.yaml')), { store });
  onMail(await firstMail(mailbox, signal), jobId);
  await client.wait(jobId, { signal });
  return (await client.job(jobId)).results;
}

async function firstMail(mailbox: string, signal: AbortSignal): Promise<Mail> {
  for (;;) {
    signal.throwIfAborted();
    const text = await readFile(mailbox, 'utf8').catch(() => '');
    const end = text.indexOf('\n');
    if (end >= 0) return JSON.parse(text.slice(0, end)) as Mail;
    await new Promise((done) => setTimeout(done, lookEveryMs));
  }
}
