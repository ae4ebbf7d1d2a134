import type { ObjectReference, Pod, Service } from '@keelson/api/core/v1';
import type { KubernetesObject } from '@keelson/api';
import type { Observable } from 'rxjs';

/** One change of a watched object. `initial`: part of the first list. */
export type PodDelta =
  | { readonly type: 'added'; readonly object: Pod; readonly initial: boolean }
  | { readonly type: 'updated'; readonly object: Pod; readonly old: Pod }
  | { readonly type: 'deleted'; readonly object: Pod };

/** Has a say before anything runs in the network of a pod: what enforces NetworkPolicies. */
export interface NetworkGuard {
  /**
   * Resolves once the pod may use its addresses. Asked before each start of its containers, often with the same words, and not for pods in the
   * network of the node. If it rejects nothing is started, and it is asked again, growing slower.
   */
  admit(pod: Pod, addresses: readonly string[], signal: AbortSignal): Promise<void>;
}

/** The pods that are bound to this node. An informer on `spec.nodeName=<name>` is one. Whoever makes it starts and stops it. */
export interface PodSource {
  /** In order; a subscriber first gets what there is. Never errors. */
  readonly deltas$: Observable<readonly PodDelta[]>;
  list(): readonly Pod[];
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** All services of the cluster. Several kubelets in one process share one. */
export interface ServiceSource {
  list(): readonly Service[];
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** Takes events for the API's users: about an object, or a part of one by reference. Never throws and never blocks. */
export interface EventSink {
  event(about: KubernetesObject | ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}
