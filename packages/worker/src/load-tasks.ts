import { resolve } from 'node:path';
import { InputError } from '@baton/core';
import { importModule } from './import-module.js';
import { isIsolated, type RegisteredTask } from './registered-task.js';

/**
 * The tasks a module exports, under whatever names, or as an array (for example its default export). Other exports, such as
 * flows, are left alone. Runs the module: only for modules the operator names, at start.
 * @throws InputError `BATON_INPUT_INVALID` when the module exports no task; what `importModule` throws.
 */
export async function loadTasks(modulePath: string): Promise<readonly RegisteredTask[]> {
  const exported = await importModule(modulePath);
  // the same task may be exported by name and in an array
  const tasks = new Set(Object.values(exported).flat().filter(isTask));
  const module = resolve(modulePath);
  if (tasks.size > 0) return [...tasks].map((task) => (isIsolated(task) ? { ...task, module } : task));
  const names = Object.keys(exported).join(', ') || 'nothing';
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${modulePath} exports no task (it exports ${names}): export what task() of @baton/flow gives, by name or as an array`,
  );
}

function isTask(value: unknown): value is RegisteredTask {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version, requires, execute } = value as Partial<Record<keyof RegisteredTask, unknown>>;
  return (
    typeof name === 'string' &&
    typeof version === 'string' &&
    typeof requires === 'object' &&
    typeof execute === 'function'
  );
}
