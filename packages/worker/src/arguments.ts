import type { InlineValue } from '@baton/core';
import type { Shape } from '@baton/flow';
import type { Arguments } from './registered-task.js';
import { decodeUserValue } from './user-value.js';

/**
 * The arguments as user code gets them: decoded, and each checked (and transformed) by the schema of its parameter. What no
 * parameter names is passed on as it is. Gives all that is wrong at once. Rejects with what a schema throws.
 */
export async function resolveArguments(
  sent: Readonly<Record<string, InlineValue>>,
  parameters: { readonly requires: Shape; readonly optional: Shape },
): Promise<{ readonly args: Arguments } | { readonly problems: readonly string[] }> {
  const args: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(sent)) args[name] = decodeUserValue(value);
  const problems: string[] = [];
  for (const [name, schema] of Object.entries({ ...parameters.optional, ...parameters.requires })) {
    if (!Object.hasOwn(args, name)) {
      if (Object.hasOwn(parameters.requires, name)) problems.push(`${name} is missing`);
      continue;
    }
    const checked = await schema['~standard'].validate(args[name]);
    if (checked.issues === undefined) args[name] = checked.value;
    else problems.push(...checked.issues.map(({ message, path }) => `${placeOf(name, path)}: ${message}`));
  }
  return problems.length > 0 ? { problems } : { args: Object.freeze(args) };
}

type Path = readonly (PropertyKey | { readonly key: PropertyKey })[];

function placeOf(name: string, path: Path = []): string {
  return [name, ...path.map((step) => String(typeof step === 'object' ? step.key : step))].join('.');
}
