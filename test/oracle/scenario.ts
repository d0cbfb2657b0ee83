/** What a recorded run of TaskFlow looks like; see the FORMAT of the corpus. Only what the replay reads. */
import type { JsonValue } from '@baton/core';

export interface Step {
  readonly return?: JsonValue;
  readonly raise?: string;
  readonly message?: string;
  readonly in?: 'body' | 'pre' | 'post';
}

export interface TaskSpec {
  readonly type: 'task';
  readonly name: string;
  readonly priority?: number;
  readonly inject?: Readonly<Record<string, JsonValue>>;
  readonly execute?: readonly Step[];
  readonly revert?: readonly Step[];
}

export interface RetrySpec {
  readonly name: string;
  readonly kind:
    'AlwaysRevert' | 'AlwaysRevertAll' | 'Times' | 'ForEach' | 'ParameterizedForEach' | 'Scripted';
  readonly priority?: number;
  readonly attempts?: number;
  readonly values?: readonly JsonValue[];
  readonly revertAll?: boolean;
  readonly decisions?: readonly string[];
  readonly execute?: readonly Step[];
  readonly revert?: readonly Step[];
}

export interface DeciderSpec {
  readonly op: 'const' | 'equals' | 'known' | 'raise';
  readonly value?: JsonValue;
  readonly atom?: string;
}

export interface LinkSpec {
  readonly from: number;
  readonly to: number;
  readonly decider?: DeciderSpec;
  readonly depth?: string;
}

export interface FlowSpec {
  readonly type: 'linear' | 'unordered' | 'graph' | 'targeted';
  readonly name: string;
  readonly children?: readonly NodeSpec[];
  readonly retry?: RetrySpec;
  readonly links?: readonly LinkSpec[];
  readonly target?: number;
  readonly resolveRequires?: boolean;
  readonly resolveExisting?: boolean;
}

export type NodeSpec = TaskSpec | FlowSpec;

export interface Scenario {
  readonly id: string;
  readonly flow: NodeSpec;
  readonly store?: Readonly<Record<string, JsonValue>>;
  readonly transientStore?: Readonly<Record<string, JsonValue>>;
  readonly options?: { readonly deferReverts?: boolean; readonly neverResolve?: boolean };
  readonly engine?: { readonly kind: 'serial' | 'parallel' | 'worker'; readonly picks?: readonly number[] };
  readonly actions?: readonly ({ readonly do: string } & Readonly<Record<string, JsonValue>>)[];
}

export interface AtomInterface {
  readonly args?: Readonly<Record<string, string>>;
  readonly revertArgs?: Readonly<Record<string, string>>;
  readonly optional?: readonly string[];
  readonly revertOptional?: readonly string[];
  readonly provides?: Readonly<Record<string, null | number | string>>;
}

export interface Phase {
  readonly do: string;
  readonly events: readonly (readonly JsonValue[])[];
  readonly raised: null | { readonly failures: readonly JsonValue[] };
  readonly flow: string;
  readonly atoms: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  readonly symbols?: Readonly<Record<string, JsonValue>>;
}

export interface Expected {
  readonly error: null | { readonly stage: string };
  readonly interface: Readonly<Record<string, AtomInterface>>;
  readonly structure: null | {
    readonly nodes: readonly (readonly [string, string])[];
    readonly edges: readonly (readonly string[])[];
    readonly controllers: Readonly<Record<string, string>>;
    readonly scopes?: Readonly<Record<string, readonly (readonly string[])[]>>;
  };
  readonly phases: readonly Phase[];
  readonly tags: readonly string[];
}

export interface RecordedRun {
  readonly scenario: Scenario;
  readonly expected: Expected;
}
