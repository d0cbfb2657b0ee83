/** Which shape a level of a document has, and that no key belongs to the other (C-101, C-102). */
import type { JsonSchema } from '../flow-schema.js';
import type { Path } from '../schema-check.js';
import {
  clauseKeys,
  type Compiling,
  entriesOf,
  type FlowPart,
  isMap,
  type PoliciesPart,
  type Shape,
} from './document.js';
import { yamlDocumentSchema } from './document-schema.js';
import { insertedIn } from './policies.js';

const routing: readonly string[] = [...clauseKeys, 'join'];
const ordered: readonly string[] = ['graph', 'linear', 'unordered'];

export function shapeOf(flow: FlowPart): Shape {
  if (flow.pattern === 'routed' || Object.hasOwn(flow, 'start')) return 'routed';
  if (ordered.includes(flow.pattern ?? '')) return 'ordered';
  const parts = [flow['atom-defaults'], ...Object.values(flow.atoms ?? {})];
  return parts.some((part) => isMap(part) && routing.some((key) => Object.hasOwn(part, key)))
    ? 'routed'
    : 'ordered';
}

/** `table`: of the document, or a flow written out in it, which can be an ordered one only, so far. */
export function checkKeys(
  compiling: Compiling,
  flow: FlowPart,
  path: Path,
  table: 'document' | 'inner',
): Shape {
  const shape = shapeOf(flow);
  const definitions = yamlDocumentSchema.$defs ?? {};
  const keys = table === 'inner' ? definitions['inner'] : yamlDocumentSchema;
  const { problems } = compiling;
  if (table === 'inner' && shape === 'routed')
    problems.add(path, 'is a routed flow inside of an ordered one, which is not supported yet');
  const refuse = (part: object, schema: JsonSchema | undefined, at: Path): void => {
    for (const key of Object.keys(part)) {
      const rule = schema?.properties?.[key];
      if (rule?.only !== undefined && rule.only !== shape)
        problems.add(
          [...at, key],
          `belongs to ${rule.only === 'ordered' ? 'an ordered' : 'a routed'} flow, and ${reasons[shape]}`,
          'key',
        );
    }
  };
  const refuseWithin = (part: PoliciesPart, at: Path): void => {
    refuse(part, definitions['atom'], at);
    for (const key of ['attempts', 'timeout'] as const) {
      const policy = part[key];
      if (isMap(policy)) refuse(policy, definitions[key], [...at, key]);
      const values = isMap(policy) ? Object.entries(policy) : [[undefined, policy] as const];
      for (const [name, value] of shape === 'ordered' ? values : [])
        if (typeof value === 'string' && insertedIn(value) !== undefined)
          problems.add(
            [...at, key, ...(name === undefined ? [] : [name])],
            'is an expression, which is not supported yet in an ordered flow: write the value',
          );
    }
  };
  refuse(flow, keys, path);
  refuseWithin(flow['atom-defaults'] ?? {}, [...path, 'atom-defaults']);
  for (const [, atom, at] of entriesOf(flow.atoms, [...path, 'atoms'])) refuseWithin(atom, at);
  return shape;
}

const reasons: Readonly<Record<Shape, string>> = {
  ordered: `this one is ordered, as pattern says or as none of ${routing.join(', ')} or start is there: write pattern: routed, or make what is routed a flow of its own`,
  routed: `this one is routed, as pattern, start, or one of ${routing.join(', ')} says: make what is ordered a flow of its own`,
};
