import type { ContainerPort, Namespace, Pod } from '@keelson/api/core/v1';
import type { NetworkPolicy, NetworkPolicySpec } from '@keelson/api/networking/v1';

export interface PodSketch {
  readonly labels?: Record<string, string>;
  readonly node?: string;
  readonly ports?: readonly ContainerPort[];
  readonly hostNetwork?: boolean;
  readonly phase?: string;
}

/** `NAMESPACE/NAME` on `node-1`, unless it is said otherwise. */
export function pod(key: string, address: string, sketch: PodSketch = {}): Pod {
  const [namespace = '', name = ''] = key.split('/');
  const { labels = {}, node = 'node-1', ports = [], hostNetwork = false, phase = 'Running' } = sketch;
  return {
    metadata: { name, namespace, labels },
    spec: { nodeName: node, hostNetwork, containers: [{ name: 'c', image: 'i', ports: [...ports] }] },
    status: { phase, podIP: address, podIPs: [{ ip: address }] },
  };
}

export function policy(key: string, spec: NetworkPolicySpec): NetworkPolicy {
  const [namespace = '', name = ''] = key.split('/');
  return { metadata: { name, namespace }, spec };
}

export function namespaceOf(name: string, labels: Record<string, string> = {}): Namespace {
  return { metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } };
}
