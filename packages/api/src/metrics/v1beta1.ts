import type { ListMeta, ObjectMeta } from '../generated/meta/v1.ts';
import type { Kind } from '../kind.ts';

/** How much of resources is used: `cpu` as a rate over the window, `memory` at its end. */
export type Usage = Readonly<Record<string, string>>;

/** What a node uses. Served by whoever collects metrics, and not stored. */
export interface NodeMetrics {
  apiVersion?: string | undefined;
  kind?: 'NodeMetrics' | undefined;
  metadata?: ObjectMeta | undefined;
  /** End of the window. */
  timestamp: string;
  /** Length of the interval in which `cpu` was measured, such as `15.02s`. */
  window: string;
  usage: Usage;
}

export interface ContainerMetrics {
  name: string;
  usage: Usage;
}

/** What the containers of a pod use. Served by whoever collects metrics, and not stored. */
export interface PodMetrics {
  apiVersion?: string | undefined;
  kind?: 'PodMetrics' | undefined;
  metadata?: ObjectMeta | undefined;
  timestamp: string;
  window: string;
  containers: ContainerMetrics[];
}

export interface NodeMetricsList {
  apiVersion?: string | undefined;
  items: NodeMetrics[];
  kind?: string | undefined;
  metadata?: ListMeta | undefined;
}

export interface PodMetricsList {
  apiVersion?: string | undefined;
  items: PodMetrics[];
  kind?: string | undefined;
  metadata?: ListMeta | undefined;
}

const GROUP = { group: 'metrics.k8s.io', version: 'v1beta1' };

export const NodeMetrics: Kind<NodeMetrics> = { ...GROUP, kind: 'NodeMetrics', resource: 'nodes', namespaced: false };
export const PodMetrics: Kind<PodMetrics> = { ...GROUP, kind: 'PodMetrics', resource: 'pods', namespaced: true };
