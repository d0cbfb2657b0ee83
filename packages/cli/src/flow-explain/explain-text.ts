/** An explanation for people. */
import { clean } from '../output.js';
import { cut, someOf } from './cut.js';
import { isFlow } from './explain-flow.js';
import type {
  ExplainedAtom,
  ExplainedController,
  ExplainedInput,
  ExplainedLink,
  ExplainedNode,
  Explanation,
} from './explain-flow.js';

export function explainText(explanation: Explanation): string {
  const { name, atoms, requires, provides, root, controllers } = explanation;
  const needs = requires.map(({ symbol, neededBy, outOfSight }) => {
    const hidden = outOfSight.length === 0 ? '' : `; provided out of sight by ${someOf(outOfSight, 3)}`;
    return `  ${symbol}  (${someOf(neededBy, 3)}${hidden})`;
  });
  const shown = cut(controllers);
  const lines = [
    `${name}: ${counted(atoms, 'atom')}`,
    '',
    requires.length === 0 ? 'Needs nothing from outside.' : 'Needs from outside:',
    ...cutLines(needs),
    provides.length === 0 ? 'Provides nothing.' : `Provides: ${someOf(provides, 12)}`,
    '',
    'Order (→ gives, ← takes):',
    ...tree(root, '  ', '  '),
    '',
    'On failure:',
    ...shown.first.flatMap(failureLines),
    ...(shown.omitted.length === 0 ? [] : [`  … ${counted(shown.omitted.length, 'more controller')}`]),
    ...shown.last.flatMap(failureLines),
    `  ${controllers.length === 0 ? 'everything' : 'outside of every controller everything'} that ran is reverted, last first`,
  ];
  return `${lines.map(clean).join('\n')}\n`;
}

function cutLines(lines: readonly string[]): readonly string[] {
  const { first, omitted, last } = cut(lines);
  return [...first, ...(omitted.length === 0 ? [] : [`  … ${omitted.length} more`]), ...last];
}

function tree(
  node: ExplainedNode,
  lead: string,
  rest: string,
  links: readonly string[] = [],
): readonly string[] {
  const after = links.map((link) => `${rest}    ${link}`);
  if (!isFlow(node)) return [`${lead}${atomLine(node)}`, ...after];
  const { first, omitted, last } = cut(node.children);
  const byTarget = new Map<number, ExplainedLink[]>();
  for (const link of node.links) byTarget.set(link.to, [...(byTarget.get(link.to) ?? []), link]);
  const names = new Map(node.children.map((child) => [child.id, child.name]));
  const lineOf = (child: ExplainedNode, isLast: boolean): readonly string[] =>
    tree(
      child,
      `${rest}${isLast ? '└ ' : '├ '}`,
      `${rest}${isLast ? '  ' : '│ '}`,
      (byTarget.get(child.id) ?? []).map((link) => linkLine(link, names)),
    );
  const retry = node.retry ? [`${rest}│ ${atomLine(node.retry)}`] : [];
  const gap =
    omitted.length === 0
      ? []
      : [
          `${rest}┆ … ${counted(omitted.length, 'more child', 'more children')}, ${counted(atomsIn(omitted), 'atom')}`,
        ];
  return [
    `${lead}${node.name}  ${node.kind}, ${counted(node.atoms, 'atom')}`,
    ...after,
    ...retry,
    ...first.flatMap((child, index) => lineOf(child, last.length === 0 && index === first.length - 1)),
    ...gap,
    ...last.flatMap((child, index) => lineOf(child, index === last.length - 1)),
  ];
}

function atomLine({ kind, name, task, delegate, inputs, revertInputs, provides }: ExplainedAtom): string {
  return [
    kind === 'retry' ? `${name} (controller)` : name,
    ...(task === undefined ? [] : [`= ${task}`]),
    ...(delegate === undefined ? [] : [`= delegate ${delegate}`]),
    ...(inputs.length === 0 ? [] : [`← ${inputs.map(inputText).join(', ')}`]),
    ...(revertInputs === undefined ? [] : [`↶ ${revertInputs.map(inputText).join(', ') || 'nothing'}`]),
    ...(provides.length === 0 ? [] : [`→ ${provides.join(', ')}`]),
  ].join('  ');
}

/** `parameter=symbol (first provider, else the next)` */
function inputText({ parameter, symbol, optional, from }: ExplainedInput): string {
  const named = `${parameter === symbol ? symbol : `${parameter}=${symbol}`}${optional ? '?' : ''}`;
  return `${named} (${typeof from === 'string' ? from : from.join(', else ')})`;
}

function linkLine(
  { from, symbols, decider, depth }: ExplainedLink,
  names: ReadonlyMap<number, string>,
): string {
  const why = symbols.length === 0 ? '' : `, for ${symbols.join(', ')}`;
  const only = decider === undefined ? '' : `, if ${decider} (else left out: ${leftOut(depth)})`;
  return `after ${names.get(from) ?? '?'}${why}${only}`;
}

function leftOut(depth: string | undefined): string {
  switch (depth) {
    case 'atom':
      return 'it alone, depth atom';
    case 'neighbors':
      return 'it and the tasks next to it, depth neighbors';
    case 'flow':
      return 'it and what follows in its flow, depth flow';
    default:
      return 'it and everything after it, depth all';
  }
}

function failureLines({ name, flow, decision, undoes, then }: ExplainedController): readonly string[] {
  const gives =
    'asks' in then
      ? `asks ${then.asks}`
      : then.reverts === 'everything'
        ? 'reverts everything'
        : `reverts ${flow} and what came after it`;
  return [
    `  ${name} decides for ${flow}: ${decision}`,
    `    undoes ${someOf(undoes) || 'nothing'}; when it gives up it ${gives}`,
  ];
}

function atomsIn(nodes: readonly ExplainedNode[]): number {
  return nodes.reduce((sum, node) => sum + (isFlow(node) ? node.atoms : 1), 0);
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
