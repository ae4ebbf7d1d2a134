import type { KubernetesObject } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import type { PodOwnerKind } from '../pod-control/pod-owner-kind.ts';

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
export interface ReplicatedKind<T extends Replicated> extends PodOwnerKind<T> {
  /** Of the controller, among the built-in ones. */
  readonly name: string;
  /** The status says how many pods are terminating. */
  readonly countsTerminating: boolean;
}
