import { readFile } from 'node:fs/promises';
import { DefinitionError, InputError } from '@baton/core';
import { expressionChecks } from '@baton/engine';
import { type FlowDefinition, parseFlowYamlStream, withFlows } from '@baton/flow';
import type { Postable } from '@baton/client';

/**
 * A flow from a file: a YAML document (`.yaml`, `.yml`), one of several there by its name behind `#`; flow JSON (`.json`); or a module (`.js`,
 * `.mjs`) whose default export, or the export named behind `#`, is a flow.
 * @throws InputError when the file is not there or not readable as what its name says, DefinitionError when it holds no flow.
 */
export async function loadFlow(reference: string): Promise<Postable> {
  const flows = await loadFlows(reference);
  const [first, ...more] = flows;
  if (first && more.length === 0) return first.flow;
  throw new DefinitionError(
    'BATON_DEFINITION_INVALID',
    `${reference} holds several flows: name one, as ${flows.map((flow) => flow.reference).join(', ')}`,
  );
}

/** A flow, and how it is asked for. */
export interface LoadedFlow {
  readonly reference: string;
  readonly flow: Postable;
}

/** The same, of a file with several flows all of them. */
export async function loadFlows(reference: string): Promise<readonly LoadedFlow[]> {
  const [file = '', name] = reference.split('#');
  if (/\.[cm]?js$/.test(file)) return [{ reference, flow: await flowOfModule(file, name ?? 'default') }];
  if (isYaml(file)) return flowsOfYaml(file, name, await textOf(file));
  if (name !== undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${file} is no module, so it has no export to name: leave out #${name}`,
    );
  return [{ reference, flow: flowOfJson(file, await textOf(file)) }];
}

function flowsOfYaml(file: string, name: string | undefined, text: string): readonly LoadedFlow[] {
  const flows = parseFlowYamlStream(text, { path: file, expressions: expressionChecks });
  const named = flows.map((flow) => ({
    reference: flows.length === 1 ? file : `${file}#${flow.name}`,
    flow: withFlows(
      flow.definition,
      flows.map(({ definition }) => definition),
    ),
  }));
  if (name === undefined) return named;
  const found = named.find((_, index) => flows[index]?.name === name);
  if (found) return [found];
  throw new DefinitionError(
    'BATON_DEFINITION_INVALID',
    `${file} has no flow ${JSON.stringify(name)}; its flows are ${flows.map((flow) => flow.name).join(', ')}`,
  );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `flow file ${file} cannot be read: give a .yaml or .json flow or a .js module`,
      { cause },
    );
  }
}

function flowOfJson(file: string, text: string): Postable {
  let flow: unknown;
  try {
    flow = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('BATON_INPUT_INVALID', `flow file ${file} is not JSON: ${reason}`, { cause });
  }
  if (typeof flow === 'object' && flow !== null) return flow as FlowDefinition;
  throw new DefinitionError(
    'BATON_DEFINITION_INVALID',
    `flow file ${file} holds no flow: it is ${text.trim().slice(0, 20)}`,
  );
}

export function isYaml(file: string): boolean {
  return /\.ya?ml$/.test(file);
}

async function flowOfModule(file: string, name: string): Promise<Postable> {
  const module = await exportsOf(file);
  const flow = module[name];
  if (isFlow(flow)) return flow;
  const flows = Object.keys(module).filter((candidate) => isFlow(module[candidate]));
  const asked = name === 'default' ? 'default export' : `export ${JSON.stringify(name)}`;
  const found = name in module ? `the ${asked} of ${file} is no flow` : `${file} has no ${asked}`;
  const remedy =
    flows.length === 0
      ? 'export what linear(), unordered() or graph() gave'
      : `its flows are ${flows.map((candidate) => (candidate === 'default' ? file : `${file}#${candidate}`)).join(', ')}`;
  throw new DefinitionError('BATON_DEFINITION_INVALID', `${found}; ${remedy}`);
}

/** A module whose top level never ends leaves this process without anything to wait for, which is how it is noticed. */
async function exportsOf(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { importModule } = await import('@baton/worker');
  let notice: () => void = () => undefined;
  const stuck = new Promise<never>((_, reject) => {
    notice = () =>
      reject(
        new InputError(
          'BATON_INPUT_INVALID',
          `module ${file} never finishes loading: look at its top-level awaits`,
        ),
      );
  });
  process.once('beforeExit', notice);
  try {
    return await Promise.race([importModule(file), stuck]);
  } finally {
    process.off('beforeExit', notice);
  }
}

function isFlow(value: unknown): value is Postable {
  return typeof (value as { toJSON?: unknown } | null | undefined)?.toJSON === 'function';
}
