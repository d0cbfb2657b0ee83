import { InputError } from '@baton/core';
import type { NotifyTarget } from '@baton/core';

/** What `--notify` takes, in help. */
export const notifyFlag = {
  flags: '--notify <url|json>',
  about:
    'web hook that is told how it goes on; as JSON with headers and events: \'{"url": …, "headers": {…}, "events": ["run.*"]}\' (repeatable)',
} as const;

/** @throws InputError `BATON_INPUT_INVALID` for JSON that is none; the client checks what is in it */
export function notifyTargets(given: readonly string[] | undefined): {
  readonly notify?: readonly NotifyTarget[];
} {
  if (given === undefined) return {};
  return { notify: given.map((text) => (text.startsWith('{') ? parsed(text) : { url: text })) };
}

function parsed(text: string): NotifyTarget {
  try {
    return JSON.parse(text) as NotifyTarget;
  } catch (cause) {
    // its text may hold a secret
    throw new InputError('BATON_INPUT_INVALID', '--notify begins as JSON, and is none', { cause });
  }
}
