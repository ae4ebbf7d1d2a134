import type { Pod } from '@keelson/api/core/v1';

/** A pod in `default` that is bound to node `n` and that Services with the selector `app: web` select. */
export function makePod(name: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return {
    metadata: { name, namespace: 'default', labels: { app: 'web' } },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}

/** The status that a kubelet reports of a running pod. */
export function readyStatus(ip: string, isReady = true): NonNullable<Pod['status']> {
  return {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  };
}
