/** `baton flow …`: look at a flow without any service. */
import { parseFlowDefinition } from '@baton/flow';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { explainDot, explainMermaid } from '../flow-explain/explain-diagram.js';
import { explainFlow } from '../flow-explain/explain-flow.js';
import { explainText } from '../flow-explain/explain-text.js';
import type { Invocation } from '../invocation.js';
import { loadFlow } from '../load-flow.js';
import type { Run } from '../run.js';

const forms = { text: explainText, mermaid: explainMermaid, dot: explainDot } as const;

export function addFlowCommands(program: Command, run: Run): void {
  const flow = program.command('flow').description('look at flows; needs no services');
  flow
    .command('explain <flow>')
    .description('what a flow means: order, where values come from, who reverts what, what a post must give')
    .addOption(new Option('--format <form>', 'of the picture').choices(Object.keys(forms)).default('text'))
    .action(run(explain));
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
