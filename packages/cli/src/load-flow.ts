import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DefinitionError, InputError } from '@baton/core';
import type { FlowDefinition } from '@baton/flow';
import type { Postable } from '@baton/client';

/**
 * A flow from a file: flow JSON (`.json`), or a module (`.js`, `.mjs`) whose default export, or the export named behind `#`, is a flow.
 * @throws InputError when the file is not there or not readable as what its name says, DefinitionError when it holds no flow.
 */
export async function loadFlow(reference: string): Promise<Postable> {
  const [file = '', name = 'default'] = reference.split('#');
  if (/\.[cm]?js$/.test(file)) return flowOfModule(file, name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `flow file ${file} cannot be read: give a .json flow or a .js module`,
      { cause },
    );
  }
  try {
    return JSON.parse(text) as FlowDefinition;
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_MALFORMED',
      `flow file ${file} is not JSON: ${cause instanceof Error ? cause.message.replace(/ imported from .*$/s, '') : String(cause)}`,
      { cause },
    );
  }
}

async function flowOfModule(file: string, name: string): Promise<Postable> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (cause) {
    // a module that builds its flow wrongly says so itself
    if (cause instanceof DefinitionError || cause instanceof InputError) throw cause;
    throw new InputError(
      'BATON_INPUT_INVALID',
      `module ${file} cannot be loaded: ${cause instanceof Error ? cause.message.replace(/ imported from .*$/s, '') : String(cause)}`,
      { cause },
    );
  }
  const flow = module[name];
  if (
    typeof flow !== 'object' ||
    flow === null ||
    typeof (flow as { toJSON?: unknown }).toJSON !== 'function'
  )
    throw new DefinitionError(
      'BATON_DEFINITION_INVALID',
      `export ${JSON.stringify(name)} of ${file} is no flow: export what linear(), unordered() or graph() gave`,
    );
  return flow as Postable;
}
