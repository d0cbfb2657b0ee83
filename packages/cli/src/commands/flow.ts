/** `baton flow …`: look at a flow without any service. */
import { checkedDefinition } from '@baton/client';
import type { AnyDefinition } from '@baton/engine';
import { flowYaml, isRouted, parseAnyFlow, publishedSchema } from '@baton/flow';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { explainDot, explainMermaid } from '../flow-explain/explain-diagram.js';
import { type Explanation, explainFlow } from '../flow-explain/explain-flow.js';
import { explainRouted, type RoutedExplanation, routedText } from '../flow-explain/explain-routed.js';
import { explainText } from '../flow-explain/explain-text.js';
import type { Invocation } from '../invocation.js';
import { isYaml, loadFlow, loadFlows } from '../load-flow.js';
import { clean } from '../output.js';
import { reportError } from '../report-error.js';
import type { Run } from '../run.js';

const forms = {
  text: (explanation: Explanation | RoutedExplanation) =>
    'routes' in explanation ? routedText(explanation) : explainText(explanation),
  mermaid: explainMermaid,
  dot: explainDot,
} as const;

export function addFlowCommands(program: Command, run: Run): void {
  const flow = program.command('flow').description('look at flows; needs no services');
  flow
    .command('explain <flow>')
    .description('what a flow means: order, where values come from, who reverts what, what a post must give')
    .addOption(new Option('--format <form>', 'of the picture').choices(Object.keys(forms)).default('text'))
    .action(run(explain));
  flow
    .command('validate <flow...>')
    .description('all that a post checks, without one: exit code 2 and the places of the mistakes, or 0')
    .action(run(validate));
  flow
    .command('convert <flow>')
    .description('the same flow as YAML or as JSON; without --to, as what it is not')
    .addOption(new Option('--to <form>', 'what to make of it').choices(['yaml', 'json']))
    .action(run(convert));
  flow.command('schema').description('JSON Schema of YAML documents, for editors').action(run(schema));
}

/** Of several flows each is looked at, whatever is wrong with the others. */
async function validate(invocation: Invocation, references: readonly string[]): Promise<number> {
  const valid: Summary[] = [];
  let exitCode: number = exitCodes.ok;
  for (const about of references)
    try {
      for (const { reference: file, flow } of await loadFlows(about))
        valid.push({ file, ...summaryOf(checkedDefinition(flow)) });
    } catch (error) {
      if (references.length === 1) throw error;
      const { isJson: json } = invocation.output;
      exitCode = reportError(error, { json, about, write: (text) => void process.stderr.write(text) });
    }
  const [only, ...others] = valid;
  if (only && others.length === 0 && references.length === 1) {
    const { file: _, ...summary } = only;
    invocation.output.one({ valid: true, ...summary }, { text: sentence(only), name: only.name });
  } else
    invocation.output.rows(valid, [
      { title: 'FLOW', of: ({ name }) => name },
      { title: 'ATOMS', of: ({ atoms }) => atoms },
      { title: 'A POST MUST GIVE', of: ({ requires }) => requires.join(', ') },
      { title: 'FILE', of: ({ file }) => file },
    ]);
  return exitCode;
}

interface Summary extends Summed {
  readonly file: string;
}

interface Summed {
  readonly name: string;
  readonly atoms: number;
  readonly requires: readonly string[];
}

function sentence({ name, atoms, requires }: Summed): string {
  const needs =
    requires.length === 0 ? 'a post need give nothing' : `a post must give ${requires.join(', ')}`;
  return `${clean(name)}: valid, ${atoms} ${atoms === 1 ? 'atom' : 'atoms'}; ${clean(needs)}`;
}

async function convert(
  invocation: Invocation,
  [reference = '']: readonly string[],
  { to = isYaml(reference.replace(/#.*/, '')) ? 'json' : 'yaml' }: { readonly to?: 'yaml' | 'json' },
): Promise<number> {
  const flow = await loadFlow(reference);
  const definition = parseAnyFlow('toJSON' in flow ? flow.toJSON() : flow, { unknownFields: 'refused' });
  const text = to === 'yaml' ? flowYaml(definition) : JSON.stringify(definition, undefined, 2);
  invocation.output.one(definition, { text, name: definition.root.name });
  return exitCodes.ok;
}

function schema(invocation: Invocation): Promise<number> {
  const published = publishedSchema();
  invocation.output.one(published, { text: JSON.stringify(published, undefined, 2), name: 'flow-document' });
  return Promise.resolve(exitCodes.ok);
}

function summaryOf(definition: AnyDefinition): Summed {
  if (isRouted(definition)) {
    const { name, atoms, requires = [] } = definition.root;
    return { name, atoms: atoms.length, requires };
  }
  const { name, atoms, requires } = explainFlow(definition);
  return { name, atoms, requires: requires.map(({ symbol }) => symbol) };
}

async function explain(
  invocation: Invocation,
  [reference]: readonly string[],
  { format }: { readonly format: keyof typeof forms },
): Promise<number> {
  const flow = await loadFlow(reference ?? '');
  const definition = parseAnyFlow('toJSON' in flow ? flow.toJSON() : flow);
  const explanation = isRouted(definition) ? explainRouted(definition) : explainFlow(definition);
  invocation.output.one(explanation, { text: forms[format](explanation), name: explanation.name });
  return exitCodes.ok;
}
