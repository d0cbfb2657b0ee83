import type { FlowDefinition, NodeDefinition, PatternDefinition, RetryDefinition } from './definition.js';
import { isRouted, type RoutedFlowDefinition } from './routed-definition.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The one text of a definition: keys sorted, defaults omitted (E-1502). Equal flows give equal texts; the caller hashes it.
 * User data (`inject`, `values`) is kept as it is, but for the order of keys.
 */
export function canonicalFlowJson(definition: FlowDefinition | RoutedFlowDefinition): string {
  return JSON.stringify(sorted(canonical(definition)));
}

function canonical(definition: FlowDefinition | RoutedFlowDefinition): object {
  if (isRouted(definition)) {
    const { flows, ...own } = definition;
    const named = Object.entries(flows ?? {}).map(([name, flow]) => [name, canonical(flow)] as const);
    return named.length === 0 ? own : { ...own, flows: Object.fromEntries(named) };
  }
  const options = lean(definition.options, { deferReverts: true, neverResolve: false });
  return lean({ ...definition, root: canonicalNode(definition.root), options });
}

function canonicalNode(node: NodeDefinition): Fields {
  return node.kind === 'task'
    ? lean(
        {
          ...node,
          revertInputs: node.revertInputs && { ...lean(node.revertInputs) },
          timeout: lean(node.timeout),
        },
        { task: node.name, version: '1.0', onWorkerLoss: 'resend', priority: 0 },
        ['revertInputs'],
      )
    : canonicalPattern(node);
}

function canonicalPattern(pattern: PatternDefinition): Fields {
  return lean({
    ...pattern,
    children: pattern.children?.map(canonicalNode),
    retry: pattern.retry && canonicalRetry(pattern.retry, `${pattern.name}_retry`),
    links: pattern.links?.map((link) => lean({ ...link }, { depth: 'all' })),
  });
}

function canonicalRetry(retry: RetryDefinition, name: string): Fields {
  return lean(
    { ...retry, backoff: retry.backoff && lean({ ...retry.backoff }, { jitter: false }) },
    {
      name,
      priority: 0,
      revertAll: false,
      attempts: 1,
    },
  );
}

/** Without what is absent, empty or equal to its default. `keepEmpty`: fields whose emptiness says something. */
function lean(fields: object | undefined, defaults: Fields = {}, keepEmpty: readonly string[] = []): Fields {
  return Object.fromEntries(
    Object.entries(fields ?? {}).filter(
      ([key, value]) =>
        value !== undefined && value !== defaults[key] && (keepEmpty.includes(key) || !isEmpty(value)),
    ),
  );
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}
