/** What a recorded run of TaskFlow looks like; see the FORMAT of the corpus. Only what the replay reads. */
import type { JsonValue } from '@baton/core';

export interface Step {
  readonly return?: JsonValue;
  readonly raise?: string;
  readonly message?: string;
  readonly in?: 'body' | 'pre' | 'post';
  readonly progress?: readonly number[];
}

/** What a method takes. */
export interface Signature {
  readonly params?: readonly string[];
  readonly optional?: readonly string[];
  readonly anyKeywords?: boolean;
  readonly requires?: readonly string[];
  readonly rebind?: Readonly<Record<string, string>> | readonly string[];
}

export type ProvidesSpec = string | readonly string[] | { readonly keys: readonly string[] };

export interface TaskSpec extends Signature {
  readonly type: 'task';
  readonly name: string;
  readonly priority?: number;
  readonly inject?: Readonly<Record<string, JsonValue>>;
  readonly provides?: ProvidesSpec;
  readonly revertParams?: Signature;
  readonly execute?: readonly Step[];
  readonly revert?: readonly Step[];
}

export interface RetrySpec {
  readonly name: string;
  readonly kind:
    'AlwaysRevert' | 'AlwaysRevertAll' | 'Times' | 'ForEach' | 'ParameterizedForEach' | 'Scripted';
  readonly priority?: number;
  readonly provides?: ProvidesSpec;
  readonly requires?: readonly string[];
  readonly rebind?: Readonly<Record<string, string>>;
  /** `ParameterizedForEach`: the symbol that holds the values. */
  readonly from?: string;
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

/** A task made earlier, added a second time. */
export interface RefSpec {
  readonly type: 'ref';
  readonly name: string;
}

export type NodeSpec = TaskSpec | FlowSpec | RefSpec;

export interface Action {
  readonly do:
    'run' | 'revert' | 'reload' | 'reset' | 'suspend' | 'compile' | 'prepare' | 'validate' | 'inject';
  readonly suspendAt?: number;
  readonly crashAtNotification?: number;
  readonly crashAfterWrite?: number;
  readonly suspendAtStep?: number;
  readonly closeAtStep?: number;
  readonly throwAtStep?: number;
  /** `reload`: the flow to build instead. */
  readonly flow?: NodeSpec;
  readonly values?: Readonly<Record<string, JsonValue>>;
  readonly transient?: boolean;
}

export interface Scenario {
  readonly id: string;
  readonly flow: NodeSpec;
  readonly store?: Readonly<Record<string, JsonValue>>;
  readonly transientStore?: Readonly<Record<string, JsonValue>>;
  readonly options?: { readonly deferReverts?: boolean; readonly neverResolve?: boolean };
  readonly engine?: { readonly kind: 'serial' | 'parallel' | 'worker'; readonly picks?: readonly number[] };
  readonly actions?: readonly Action[];
}

export interface AtomInterface {
  readonly args?: Readonly<Record<string, string>>;
  readonly revertArgs?: Readonly<Record<string, string>>;
  readonly optional?: readonly string[];
  readonly revertOptional?: readonly string[];
  readonly requires?: readonly string[];
  readonly provides?: Readonly<Record<string, null | number | string>>;
}

export interface Phase {
  readonly do: string;
  readonly crashed?: boolean;
  readonly events: readonly (readonly JsonValue[])[];
  readonly raised: null | { readonly failures: readonly JsonValue[] };
  readonly flow: string;
  readonly atoms: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  readonly symbols?: Readonly<Record<string, JsonValue>>;
  readonly calls?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Expected {
  readonly error: null | { readonly stage: string; readonly failures: readonly JsonValue[] };
  readonly interface: Readonly<Record<string, AtomInterface>>;
  readonly structure: null | {
    readonly nodes: readonly (readonly [string, string])[];
    readonly edges: readonly (readonly string[])[];
    readonly controllers: Readonly<Record<string, string>>;
    readonly scopes?: Readonly<Record<string, readonly (readonly string[])[]>>;
  };
  readonly phases: readonly Phase[];
  readonly stable: boolean;
  readonly tags: readonly string[];
}

export interface RecordedRun {
  readonly scenario: Scenario;
  readonly expected: Expected;
}
