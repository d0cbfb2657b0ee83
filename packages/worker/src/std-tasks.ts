/** Baton's own tasks that workers run, when their operator says so (C-1512). */
import { createEgress } from '@baton/transport';
import type { RegisteredTask } from './registered-task.js';
import { httpTask } from './std-http.js';
import { shellTask, type ShellDeps } from './std-shell.js';

export const stdTaskNames = ['std.http', 'std.shell'] as const;
export type StdTaskName = (typeof stdTaskNames)[number];

export interface StdTaskDeps extends ShellDeps {
  /** Networks (`10.1.0.0/16`) and addresses that `std.http` may ask although they are private. */
  readonly egressAllow: readonly string[];
  /** What names them, for flows that are refused. */
  readonly setting: string;
}

/** @throws InputError `BATON_INPUT_INVALID` for a network that is none */
export function stdTasks(
  names: Iterable<StdTaskName>,
  { egressAllow, setting, ...deps }: StdTaskDeps,
): readonly RegisteredTask[] {
  const made = {
    'std.http': () => httpTask(createEgress({ allow: egressAllow, setting })),
    'std.shell': () => shellTask(deps),
  } satisfies Record<StdTaskName, () => RegisteredTask>;
  return Array.from(new Set(names), (each) => made[each]());
}
