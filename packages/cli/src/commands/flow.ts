/** `baton flow …`: look at a flow without any service. */
import { checkedDefinition } from '@baton/client';
import type { AnyDefinition } from '@baton/engine';
import { isRouted, parseFlowDefinition } from '@baton/flow';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { explainDot, explainMermaid } from '../flow-explain/explain-diagram.js';
import { explainFlow } from '../flow-explain/explain-flow.js';
import { explainText } from '../flow-explain/explain-text.js';
import type { Invocation } from '../invocation.js';
import { loadFlow } from '../load-flow.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';

const forms = { text: explainText, mermaid: explainMermaid, dot: explainDot } as const;

export function addFlowCommands(program: Command, run: Run): void {
  const flow = program.command('flow').description('look at flows; needs no services');
  flow
    .command('explain <flow>')
    .description('what a flow means: order, where values come from, who reverts what, what a post must give')
    .addOption(new Option('--format <form>', 'of the picture').choices(Object.keys(forms)).default('text'))
    .action(run(explain));
  flow
    .command('validate <flow>')
    .description('all that a post checks, without one: exit code 2 and the place of the first mistake, or 0')
    .action(run(validate));
}

async function validate(invocation: Invocation, [reference]: readonly string[]): Promise<number> {
  const { name, atoms, symbols } = summaryOf(checkedDefinition(await loadFlow(reference ?? '')));
  const needs = symbols.length === 0 ? 'a post need give nothing' : `a post must give ${symbols.join(', ')}`;
  invocation.output.one(
    { valid: true, name, atoms, requires: symbols },
    { text: `${clean(name)}: valid, ${atoms} ${atoms === 1 ? 'atom' : 'atoms'}; ${clean(needs)}`, name },
  );
  return exitCodes.ok;
}

function summaryOf(definition: AnyDefinition): { name: string; atoms: number; symbols: readonly string[] } {
  if (isRouted(definition)) {
    const { name, atoms, requires = [] } = definition.root;
    return { name, atoms: atoms.length, symbols: requires };
  }
  const { name, atoms, requires } = explainFlow(definition);
  return { name, atoms, symbols: requires.map(({ symbol }) => symbol) };
}

async function explain(
  invocation: Invocation,
  [reference]: readonly string[],
  { format }: { readonly format: keyof typeof forms },
): Promise<number> {
  const flow = await loadFlow(reference ?? '');
  const explanation = explainFlow(parseFlowDefinition('toJSON' in flow ? flow.toJSON() : flow));
  invocation.output.one(explanation, { text: forms[format](explanation), name: explanation.name });
  return exitCodes.ok;
}
