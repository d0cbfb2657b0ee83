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
import { readYaml } from './read-yaml.js';

export interface ParseYamlOptions {
  /** Name of the file, for messages. Default `flow.yaml`. */
  readonly path?: string;
  /** Checks CEL too: `expressionChecks` of @baton/engine. Without, expressions are checked when the flow is posted or run. */
  readonly expressions?: ExpressionChecks;
}

/**
 * Compiles one YAML document of at most 1 MiB to the flow JSON that builders make (control-flow.md section 15): an ordered flow, or, when an
 * atom has a transition or a join, a routed one.
 * @throws DefinitionError `BATON_DEFINITION_DOCUMENT` with every problem, up to 100: a line of the message each, and as `YamlProblem` in
 *   `details.problems`.
 */
export function parseFlowYaml(
  text: string,
  { path = 'flow.yaml', expressions }: ParseYamlOptions = {},
): FlowDefinition | RoutedFlowDefinition {
  const problems = new Problems(path, text);
  const data = readYaml(text, problems);
  problems.throwIfAny();
  const { value, source } = data ?? { value: null, source: { at: 0 } };
  problems.read(value, source);
  const refused = misfits(yamlDocumentSchema, value, { unknownFields: 'refused', max: 100 });
  for (const { keys, reason, what } of refused) problems.add(keys, reason, what);
  const compiling = { problems, expressions };
  // also with what is left something may be wrong: all of it is said at once
  const definition = isMap(value)
    ? compiled(
        compiling,
        withoutRefused(
          value,
          refused.map(({ keys }) => keys),
        ) as DocumentPart,
      )
    : undefined;
  problems.throwIfAny();
  return parseAnyFlow(definition, { unknownFields: 'refused' });
}

function compiled(compiling: Compiling, document: DocumentPart): FlowDefinition | RoutedFlowDefinition {
  return checkKeys(compiling, document, [], 'document') === 'routed'
    ? compileRouted(compiling, document)
    : compileOrdered(compiling, document);
}
