import { type InlineValue, openRecord, toFailure } from '@baton/core';
import type { Shape } from './schema.js';
import { decodeUserValue } from './user-value.js';

export type TaskArguments =
  /** By parameter name, as the schemas transformed them. Frozen. */
  | { readonly args: Readonly<Record<string, unknown>> }
  /** All that is wrong, each with its place. */
  | { readonly problems: readonly string[] };

/**
 * The arguments as user code gets them: decoded, and each checked (and transformed) by the schema of its parameter. What no
 * parameter names is passed on as it is. Total. A promise only where a schema gives one: most answer at once, and waiting costs
 * more than an engine in process does.
 */
export function taskArguments(
  { action, args: sent }: Request,
  { requires, optional }: { readonly requires: Shape; readonly optional: Shape },
): TaskArguments | Promise<TaskArguments> {
  const args = openRecord<unknown>();
  const problems: string[] = [];
  const late: Promise<void>[] = [];
  for (const name in sent) {
    const value = sent[name];
    if (value) args[name] = decodeUserValue(value);
  }
  for (const shape of [optional, requires])
    for (const [name, schema] of Object.entries(shape)) {
      if (!Object.hasOwn(args, name)) {
        // a revert may have inputs of its own (E-109)
        if (shape === requires && action === 'execute') problems.push(`${name} is missing`);
        continue;
      }
      const accept = (judgement: Judgement): void => {
        if (judgement.issues === undefined) args[name] = judgement.value;
        else
          problems.push(...judgement.issues.map((issue) => `${placeOf(name, issue.path)}: ${issue.message}`));
      };
      const refuse = (thrown: unknown): void => {
        problems.push(`${name}: its schema threw: ${toFailure(thrown).message}`);
      };
      try {
        const judgement = schema['~standard'].validate(args[name]);
        if (judgement instanceof Promise) late.push(judgement.then(accept, refuse));
        else accept(judgement);
      } catch (error) {
        refuse(error);
      }
    }
  const outcome = (): TaskArguments => (problems.length > 0 ? { problems } : { args: Object.freeze(args) });
  return late.length === 0 ? outcome() : Promise.all(late).then(outcome);
}

interface Request {
  readonly action: 'execute' | 'revert';
  readonly args: Readonly<Record<string, InlineValue>>;
}

type Path = readonly (PropertyKey | { readonly key: PropertyKey })[];

/** What a schema says (Standard Schema). */
type Judgement =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: Path | undefined }[] };

function placeOf(name: string, path: Path = []): string {
  return [name, ...path.map((step) => String(typeof step === 'object' ? step.key : step))].join('.');
}
