import type { JsonValue } from '@baton/core';
import type { FlowDefinition } from '../definition.js';
import type { JsonSchema } from '../flow-schema.js';
import { parseAnyFlow } from '../parse-flow-definition.js';
import type { RoutedFlowDefinition } from '../routed-definition.js';
import { misfits, type Path } from '../schema-check.js';
import { isBundle, readBundle } from './bundle.js';
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

/** One flow of a text, with the document that it stands in. */
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
 * The same for a text of several documents, which have nothing in common (C-1502): each is a flow, or a bundle of flows that know each other
 * (C-1503). Their names must differ; those of a bundle are `BUNDLE.NAME`.
 * @throws DefinitionError as `parseFlowYaml`, with the problems of all
 */
export function parseFlowYamlStream(text: string, options: ParseYamlOptions = {}): readonly YamlFlow[] {
  return flowsOf(text, options, Infinity);
}

function flowsOf(
  text: string,
  { path = 'flow.yaml', expressions }: ParseYamlOptions,
  flowsMax: number,
): readonly YamlFlow[] {
  const problems = new Problems(path, text);
  const documents = readYaml(text, problems) ?? [];
  const surplus = documents[flowsMax];
  if (surplus)
    problems.addAt(
      surplus.range[0],
      'is another document, and one is wanted here: give it a file of its own',
    );
  problems.throwIfAny();
  const names = new Set<unknown>();
  const flows = documents.flatMap((document) => {
    const found = definitionsOf({ problems, expressions }, document, names);
    if (found.length > flowsMax)
      problems.add(['flows'], 'has several flows, and one is wanted here: give each a file of its own');
    return found.map((definition) => ({ definition, text: text.slice(...document.range) }));
  });
  problems.throwIfAny();
  return flows.map((flow) => {
    const definition = parseAnyFlow(flow.definition, { unknownFields: 'refused' });
    return { name: definition.root.name, definition, text: flow.text };
  });
}

/** `names`: of the flows before, to which its own are added. */
function definitionsOf(
  compiling: Compiling,
  { value, source }: YamlData,
  names: Set<unknown>,
): readonly unknown[] {
  const { problems } = compiling;
  problems.read(value, source);
  const bundle = isBundle(value) ? readBundle(compiling, value) : undefined;
  const claimed: readonly (readonly [unknown, Path])[] = bundle
    ? bundle.members.map((name) => [bundle.nameOf(name), ['flows', name]] as const)
    : isMap(value)
      ? [[value['flow'], ['flow']]]
      : [];
  for (const [name, path] of claimed) {
    if (name !== undefined && names.has(name))
      problems.add(path, 'is the name of two flows: call one otherwise', bundle ? 'key' : 'value');
    names.add(name);
  }
  if (!bundle) return [definitionOf(compiling, value, yamlDocumentSchema)];
  return bundle.members.map((name) => {
    const [member, at] = bundle.read(name, source);
    problems.read(member, at, ['flows', name]);
    return definitionOf(compiling, member, bundle.schema, (part) => bundle.flowOf(name, part));
  });
}

function definitionOf(
  compiling: Compiling,
  value: JsonValue,
  schema: JsonSchema,
  completed = (part: DocumentPart): DocumentPart => part,
): unknown {
  const { problems } = compiling;
  const refused = misfits(schema, value, { unknownFields: 'refused', max: 100 });
  for (const { keys, reason, what } of refused) problems.add(keys, reason, what);
  if (!isMap(value)) return undefined;
  // also with what is left something may be wrong: all of it is said at once
  const paths = refused.map(({ keys }) => keys);
  return compiled(compiling, completed(withoutRefused(value, paths) as DocumentPart));
}

function compiled(compiling: Compiling, document: DocumentPart): FlowDefinition | RoutedFlowDefinition {
  return checkKeys(compiling, document, [], 'document') === 'routed'
    ? compileRouted(compiling, document)
    : compileOrdered(compiling, document);
}
