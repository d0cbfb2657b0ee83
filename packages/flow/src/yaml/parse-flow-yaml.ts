import type { FlowDefinition } from '../definition.js';
import { parseAnyFlow } from '../parse-flow-definition.js';
import type { RoutedFlowDefinition } from '../routed-definition.js';
import { misfits } from '../schema-check.js';
import { checkKeys } from './check-shape.js';
import { compileOrdered } from './compile-ordered.js';
import { compileRouted } from './compile-routed.js';
import {
  type Compiling,
  type DocumentPart,
  type ExpressionChecks,
  isMap,
  withoutRefused,
} from './document.js';
import { yamlDocumentSchema } from './document-schema.js';
import { Problems } from './problems.js';
import { readYaml, type YamlData } from './read-yaml.js';

export interface ParseYamlOptions {
  /** Name of the file, for messages. Default `flow.yaml`. */
  readonly path?: string;
  /** Checks CEL too: `expressionChecks` of @baton/engine. Without, expressions are checked when the flow is posted or run. */
  readonly expressions?: ExpressionChecks;
}

/** One flow of a text, with its part of it. */
export interface YamlFlow {
  readonly name: string;
  readonly definition: FlowDefinition | RoutedFlowDefinition;
  readonly text: string;
}

/**
 * Compiles one YAML document of at most 1 MiB to the flow JSON that builders make (control-flow.md section 15): an ordered flow, or, when an
 * atom has a transition or a join, a routed one.
 * @throws DefinitionError `BATON_DEFINITION_DOCUMENT` with every problem, up to 100: a line of the message each, and as `YamlProblem` in
 *   `details.problems`.
 */
export function parseFlowYaml(
  text: string,
  options: ParseYamlOptions = {},
): FlowDefinition | RoutedFlowDefinition {
  const [flow] = flowsOf(text, options, 1);
  // a text without any has an empty one, which is refused
  return (flow as YamlFlow).definition;
}

/**
 * The same for a text of several documents, which are flows without anything in common (C-1502). Their names must differ.
 * @throws DefinitionError as `parseFlowYaml`, with the problems of all
 */
export function parseFlowYamlStream(text: string, options: ParseYamlOptions = {}): readonly YamlFlow[] {
  return flowsOf(text, options, Infinity);
}

function flowsOf(
  text: string,
  { path = 'flow.yaml', expressions }: ParseYamlOptions,
  documentsMax: number,
): readonly YamlFlow[] {
  const problems = new Problems(path, text);
  const documents = readYaml(text, problems) ?? [];
  const surplus = documents[documentsMax];
  if (surplus)
    problems.addAt(
      surplus.range[0],
      'is another document, and one is wanted here: give it a file of its own',
    );
  problems.throwIfAny();
  const names = new Set<unknown>();
  const flows = documents.map((document) => {
    const definition = definitionOf({ problems, expressions }, document);
    const name = isMap(document.value) ? document.value['flow'] : undefined;
    if (name !== undefined && names.has(name))
      problems.add(['flow'], 'is the name of two flows: call one otherwise');
    names.add(name);
    return { definition, text: text.slice(...document.range) };
  });
  problems.throwIfAny();
  return flows.map((flow) => {
    const definition = parseAnyFlow(flow.definition, { unknownFields: 'refused' });
    return { name: definition.root.name, definition, text: flow.text };
  });
}

function definitionOf(compiling: Compiling, { value, source }: YamlData): unknown {
  const { problems } = compiling;
  problems.read(value, source);
  const refused = misfits(yamlDocumentSchema, value, { unknownFields: 'refused', max: 100 });
  for (const { keys, reason, what } of refused) problems.add(keys, reason, what);
  if (!isMap(value)) return undefined;
  // also with what is left something may be wrong: all of it is said at once
  const paths = refused.map(({ keys }) => keys);
  return compiled(compiling, withoutRefused(value, paths) as DocumentPart);
}

function compiled(compiling: Compiling, document: DocumentPart): FlowDefinition | RoutedFlowDefinition {
  return checkKeys(compiling, document, [], 'document') === 'routed'
    ? compileRouted(compiling, document)
    : compileOrdered(compiling, document);
}
