import { labelSelectorFrom, LabelSelectorMatcher, type Kind, type KubernetesObject } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';

export interface ReplicatedCondition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
}

/** What ReplicaSets and ReplicationControllers have in common. */
export interface Replicated extends KubernetesObject {
  readonly spec?:
    | {
        readonly replicas?: number | undefined;
        readonly minReadySeconds?: number | undefined;
        readonly template?: PodTemplateSpec | undefined;
      }
    | undefined;
  readonly status?:
    | { readonly observedGeneration?: number | undefined; readonly conditions?: readonly ReplicatedCondition[] | undefined }
    | undefined;
}

/** What they do not have in common. */
export interface ReplicatedKind<T extends Replicated> {
  /** Of the controller, among the built-in ones. */
  readonly name: string;
  readonly kind: Kind<T>;
  selectorOf(set: T): LabelSelector | undefined;
  /** The status says how many pods are terminating. */
  readonly countsTerminating: boolean;
}

/** What a selector matches; nothing, if the server has let through one that cannot be read. */
export function matcherOf(selector: LabelSelector | undefined): LabelSelectorMatcher {
  try {
    return labelSelectorFrom(selector);
  } catch {
    return new LabelSelectorMatcher([], true);
  }
}
