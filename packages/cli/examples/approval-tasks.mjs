import { appendFile } from 'node:fs/promises';
import { task, type } from '@baton/flow';

/** Asks for the answer. The link is a secret of whoever shall answer: it goes into the mail, and into no log. */
export const mail = task('approval.mail', {
  requires: { change: type(), mailbox: type() },
  execute: ({ change, mailbox }, { url }) =>
    appendFile(mailbox, `${JSON.stringify({ subject: `Approve: ${change}?`, url })}\n`),
});

export const apply = task('approval.apply', {
  requires: { change: type() },
  execute: ({ change }) => `${change}: applied`,
});
