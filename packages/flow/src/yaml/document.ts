/** A document as its schema lets it through. A part that was refused is there without a value: what follows knows its name and leaves it out. */
import type { JsonValue } from '@baton/core';
import type { DeciderDepth, Extraction, OnWorkerLoss } from '../definition.js';
import type { Expects } from '../expects.js';
import type { Path } from '../schema-check.js';
import type { Problems } from './problems.js';

/** What the parser is not told: CEL. Each gives what is wrong, or undefined. @baton/engine has them as `expressionChecks`. */
export interface ExpressionChecks {
  /** Of a transition. */
  guard(source: string): string | undefined;
  /** A text with `${…}`. */
  template(text: string): string | undefined;
  /** Of a link; `sources`: names of the atoms it may read. */
  decider(source: string, sources: ReadonlySet<string>): string | undefined;
  /** Of a retry controller. */
  decision(source: string): string | undefined;
}

/** What compiling a document needs beside it. */
export interface Compiling {
  readonly problems: Problems;
  readonly expressions: ExpressionChecks | undefined;
}

type Maybe<T> = { readonly [K in keyof T]?: T[K] | undefined };
export type Shape = 'ordered' | 'routed';
/** A text may be one `${…}`, in a routed flow. */
export type DurationPart = number | string;
export type DataMap = Readonly<Record<string, JsonValue>>;
export type ProvidesPart =
  string | readonly string[] | Readonly<Record<string, Extraction | readonly string[]>>;

export type TakingPart = Maybe<{
  requires: readonly string[];
  optional: readonly string[];
  rebind: Readonly<Record<string, string>>;
  inject: DataMap;
  'revert-inputs': Maybe<{
    requires: readonly string[];
    optional: readonly string[];
    rebind: Readonly<Record<string, string>>;
  }>;
}>;

/** The text is one `${…}`. */
export type GivenPart<T> = T | string;
export type AttemptsPart =
  | GivenPart<number>
  | Maybe<{
      max: GivenPart<number>;
      delay: DurationPart;
      backoff: 'constant' | 'linear' | 'exponential';
      'max-delay': DurationPart;
      jitter: boolean;
      'retry-on': readonly string[];
      'stop-on': readonly string[];
      'break-on': string;
      'continue-on': string;
      scope: 'item';
    }>;
export type TimeoutPart =
  | DurationPart
  | Maybe<{ attempt: DurationPart; queue: DurationPart; wait: DurationPart; total: DurationPart }>;
/** CEL, or a list. */
export type ListPart = string | readonly JsonValue[];
export type ForEachPart = ListPart | Readonly<Record<string, ListPart | undefined>>;
/** `{ to }`, `{ NAME: guard }`, or a name. */
export type EntryPart = string | DataMap;
export type ClausePart = EntryPart | readonly EntryPart[];

export const clauseKeys = ['on-success', 'on-error', 'on-complete', 'on-skip'] as const;
export type ClauseKey = (typeof clauseKeys)[number];

/** Null: no default. */
export type PoliciesPart = Maybe<
  {
    attempts: AttemptsPart | null;
    timeout: TimeoutPart | null;
    onWorkerLoss: OnWorkerLoss | null;
    'pause-before': GivenPart<boolean> | null;
    'wait-before': DurationPart | null;
    'wait-after': DurationPart | null;
    'fail-on': boolean | string | null;
    parallel: GivenPart<number> | null;
  } & Record<ClauseKey, ClausePart | null>
>;

export type AtomPart = PoliciesPart &
  TakingPart &
  Maybe<{
    task: string;
    /** Its name or one `${…}`, of another run; or it is written out. */
    flow: FlowPart | string;
    delegate: string;
    expects: Expects;
    open: string;
    name: string;
    input: DataMap | string;
    output: JsonValue;
    provides: ProvidesPart;
    publish: DataMap;
    'publish-on-error': DataMap;
    'publish-on-skip': DataMap;
    'keep-result': boolean;
    'for-each': ForEachPart;
    as: string;
    'on-item-error': 'stop';
    after: string | readonly string[] | Readonly<Record<string, string | null | undefined>>;
    depth: DeciderDepth;
    join: 'all' | 'one' | 'reached' | number;
    priority: number;
    version: string | number;
  }>;

export type LinkPart = Maybe<{
  from: string;
  to: string;
  symbols: readonly string[];
  when: string;
  local: string;
  depth: DeciderDepth;
}>;

export type ControllerPart = TakingPart &
  Maybe<{
    times: number;
    'for-each': readonly JsonValue[];
    'for-each-of': string;
    decide: string;
    'always-revert': boolean;
    'always-revert-all': boolean;
    name: string;
    provides: ProvidesPart;
    priority: number;
    'revert-all': boolean;
    on: readonly string[];
    backoff:
      | DurationPart
      | Maybe<{
          kind: 'constant' | 'linear' | 'exponential';
          initial: DurationPart;
          max: DurationPart;
          jitter: boolean;
        }>;
  }>;

export type FlowPart = Maybe<{
  pattern: 'graph' | 'linear' | 'unordered' | 'routed';
  retry: number | ControllerPart;
  'atom-defaults': PoliciesPart;
  links: readonly (LinkPart | undefined)[];
  atoms: Readonly<Record<string, AtomPart | undefined>>;
}>;

export type InputPart = string | Maybe<{ type: string; default: JsonValue }>;

export type DocumentPart = FlowPart &
  Maybe<{
    flow: string;
    requires: Readonly<Record<string, InputPart | undefined>>;
    optional: Readonly<Record<string, InputPart | undefined>>;
    provides: readonly string[];
    vars: DataMap;
    output: DataMap;
    'output-on-error': DataMap;
    start: string | readonly string[];
    merge: 'replace' | 'deep';
    rollback: 'none' | 'completed';
    'on-expression-error': 'fail-flow' | 'fail-atom';
    'defer-reverts': boolean;
    'never-resolve': boolean;
  }>;

/** Another name for a task or delegate, or for an alias. */
export type AliasPart = Maybe<{ uses: string; input: DataMap; output: JsonValue }>;

export type BundlePart = Maybe<{
  bundle: string;
  flows: Readonly<Record<string, unknown>>;
  tasks: Readonly<Record<string, AliasPart | undefined>>;
}>;

/** Values that are there, each with its path. */
export function entriesOf<T>(
  map: Readonly<Record<string, T | undefined>> | undefined,
  path: Path,
): readonly (readonly [string, T, Path])[] {
  return Object.entries(map ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value, [...path, key]] as const],
  );
}

/** Atoms in the order of the document, which is that of the flow. */
export function atomsOf(
  { problems }: Compiling,
  { atoms = {} }: FlowPart,
  path: Path,
): readonly (readonly [string, AtomPart, Path])[] {
  return problems.keysAt([...path, 'atoms']).flatMap((key) => {
    const atom = Object.hasOwn(atoms, key) ? atoms[key] : undefined;
    return atom === undefined ? [] : [[key, atom, [...path, 'atoms', key]] as const];
  });
}

export function isMap(value: unknown): value is DataMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy in which what was refused has no value. */
export function withoutRefused(value: JsonValue, refused: readonly Path[]): unknown {
  const copy = structuredClone(value) as unknown;
  for (const path of refused) {
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((part, key) => (part as DataMap | undefined)?.[key], copy);
    const last = path.at(-1);
    if (typeof holder === 'object' && holder !== null && last !== undefined && Object.hasOwn(holder, last))
      (holder as Record<string | number, unknown>)[last] = undefined;
  }
  return copy;
}
