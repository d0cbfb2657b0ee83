export type { AnyAtom, Atom, ProvidesOf, RequiresOf, RunnableTask } from './atom.js';
export { isolations } from './builder-options.js';
export * from './canonical-flow-json.js';
export * from './definition.js';
export * from './delegate.js';
export * from './expects.js';
export * from './expr.js';
export * from './flow.js';
export { flowDefinitionSchema, flowOptions, type JsonSchema } from './flow-schema.js';
export { GraphLinks, type LinkingOptions } from './graph-links.js';
export * from './in-process-context.js';
export { literalTemplate } from './literal-template.js';
export * from './node-symbols.js';
export * from './parse-flow-definition.js';
export * from './retry.js';
export * from './routed-definition.js';
export { routedFlowSchema } from './routed-schema.js';
export { firstMisfit, type Formats } from './schema-check.js';
export * from './schema.js';
export * from './sub-flows.js';
export * from './task.js';
export { targeted } from './targeted.js';
export { taskArguments } from './task-arguments.js';
export * from './task-context.js';
export type { TaskHooks } from './task-hooks.js';
export { decodeUserValue, encodeUserValue, type EncodedValue } from './user-value.js';
export type { ExpressionChecks } from './yaml/document.js';
export { flowYaml } from './yaml/flow-yaml.js';
export {
  parseFlowYaml,
  parseFlowYamlStream,
  type ParseYamlOptions,
  type YamlFlow,
} from './yaml/parse-flow-yaml.js';
export { parseYamlData } from './yaml/parse-yaml-data.js';
export type { YamlProblem } from './yaml/problems.js';
export { publishedSchema } from './yaml/published-schema.js';
