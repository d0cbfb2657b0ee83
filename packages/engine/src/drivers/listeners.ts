/** Listeners that come with Baton. */
import type { Clock, Logger } from '@baton/core';
import type { Listener, Notification } from './notifier.js';

/** Keeps everything, in order: the base of tests that compare. */
export function capturing(): Listener & { readonly notifications: readonly Notification[] } {
  const notifications: Notification[] = [];
  return { notifications, notify: (notification) => void notifications.push(notification) };
}

/** Writes changes to a log, failures as warnings. Values are not written. */
export function logging(log: Logger): Listener {
  return {
    notify: ({ result: _result, failure, ...fields }) => {
      if (failure) log.warn('atom failed', { ...fields, failure });
      else log.debug(fields.of === 'progress' ? 'progress' : 'state changed', fields);
    },
  };
}

/** How long each atom was in each state, in ms, summed over its rounds. */
export function durations(clock: Clock): Listener & {
  readonly byAtom: ReadonlyMap<string, Readonly<Record<string, number>>>;
} {
  const byAtom = new Map<string, Record<string, number>>();
  const since = new Map<string, number>();
  return {
    byAtom,
    notify: (notification) => {
      if (notification.of === 'progress' || notification.of === 'flow') return;
      const { atom, from } = notification;
      const now = clock.monotonicMs();
      const began = since.get(atom);
      since.set(atom, now);
      if (began === undefined) return;
      const spent = byAtom.get(atom) ?? {};
      spent[from] = (spent[from] ?? 0) + now - began;
      byAtom.set(atom, spent);
    },
  };
}
