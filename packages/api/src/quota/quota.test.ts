import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec, ScopedResourceSelectorRequirement } from '../generated/core/v1.ts';
import { quotaEvaluator, quotaResource } from './object-quota.ts';
import { isInQuotaScope } from './quota-scopes.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

function podOf(spec: Partial<PodSpec>, rest: Partial<Pod> = {}): Pod {
  return { spec: { containers: [], ...spec }, ...rest };
}

function usageOf(resource: string, object: object, group = ''): Record<string, string> {
  const usage = quotaEvaluator(group, resource).usage(object, NOW_MS);
  return Object.fromEntries([...usage].map(([name, amount]) => [name, amount.toString()]));
}

const resources = { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '2Gi' } };

describe('what objects use', () => {
  it('of a pod is what it asks for, and its limits', () => {
    const gpu = { requests: { 'vendor.example/gpu': '2' }, limits: { 'vendor.example/gpu': '2' } };
    const pod = podOf({
      containers: [
        { name: 'a', resources },
        { name: 'b', resources: gpu },
      ],
    });

    expect(usageOf('pods', pod)).toEqual({
      'count/pods': '1',
      pods: '1',
      cpu: '500m',
      'requests.cpu': '500m',
      'limits.cpu': '1',
      memory: '1Gi',
      'requests.memory': '1Gi',
      'limits.memory': '2Gi',
      'requests.vendor.example/gpu': '2',
    });
  });

  it.each<{ title: string; rest: Partial<Pod>; counts: boolean }>([
    { title: 'runs', rest: { status: { phase: 'Running' } }, counts: true },
    { title: 'has succeeded', rest: { status: { phase: 'Succeeded' } }, counts: false },
    { title: 'has failed', rest: { status: { phase: 'Failed' } }, counts: false },
    {
      title: 'is terminating',
      rest: { metadata: { deletionTimestamp: '2026-01-01T00:00:10Z', deletionGracePeriodSeconds: 30 } },
      counts: true,
    },
    {
      title: 'should have ended',
      rest: { metadata: { deletionTimestamp: '2025-12-31T23:59:59Z', deletionGracePeriodSeconds: 30 } },
      counts: false,
    },
  ])('of a pod that $title counts: $counts', ({ rest, counts }) => {
    const usage = usageOf('pods', podOf({ containers: [{ name: 'a', resources }] }, rest));

    expect(usage).toMatchObject(counts ? { pods: '1', 'count/pods': '1', cpu: '500m' } : { 'count/pods': '1' });
    expect('cpu' in usage).toBe(counts);
  });

  it.each([
    { title: 'a plain one', spec: {}, nodePorts: '0', balancers: '0' },
    { title: 'node ports', spec: { type: 'NodePort' }, nodePorts: '2', balancers: '0' },
    { title: 'a load balancer', spec: { type: 'LoadBalancer' }, nodePorts: '2', balancers: '1' },
    {
      title: 'a load balancer without',
      spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false },
      nodePorts: '1',
      balancers: '1',
    },
  ])('of a Service with $title', ({ spec, nodePorts, balancers }) => {
    const service = { spec: { ports: [{ port: 80, nodePort: 30080 }, { port: 443 }], ...spec } };

    expect(usageOf('services', service)).toEqual({
      'count/services': '1',
      services: '1',
      'services.nodeports': nodePorts,
      'services.loadbalancers': balancers,
    });
  });

  it('of a claim is storage, also of its class', () => {
    const claim = { spec: { storageClassName: 'fast', resources: { requests: { storage: '5Gi' } } } };

    expect(usageOf('persistentvolumeclaims', claim)).toEqual({
      'count/persistentvolumeclaims': '1',
      persistentvolumeclaims: '1',
      'requests.storage': '5Gi',
      'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'fast.storageclass.storage.k8s.io/requests.storage': '5Gi',
    });
  });

  it('of anything else is one object', () => {
    expect(usageOf('secrets', {})).toEqual({ secrets: '1', 'count/secrets': '1' });
    expect(usageOf('widgets', {}, 'example.com')).toEqual({ 'count/widgets.example.com': '1' });
  });
});

describe('names of a quota', () => {
  it.each([
    ['pods', '', 'pods'],
    ['limits.cpu', '', 'pods'],
    ['requests.vendor.example/gpu', '', 'pods'],
    ['requests.storage', '', 'persistentvolumeclaims'],
    ['gold.storageclass.storage.k8s.io/requests.storage', '', 'persistentvolumeclaims'],
    ['services.loadbalancers', '', 'services'],
    ['configmaps', '', 'configmaps'],
    ['count/events', '', 'events'],
    ['count/deployments.apps', 'apps', 'deployments'],
    ['count/widgets.example.com', 'example.com', 'widgets'],
  ])('say of %s that it is about %s/%s', (name, group, resource) => {
    expect(quotaResource(name)).toEqual({ group, resource });
    expect(quotaEvaluator(group, resource).matching([name, 'other'])).toEqual([name]);
  });

  it('say nothing of what no quota can limit', () => {
    expect(quotaResource('nonsense')).toBeUndefined();
  });
});

describe('what a pod must say', () => {
  it('is asked of each container, if a quota limits it', () => {
    const pod = podOf({
      containers: [{ name: 'b' }, { name: 'a' }, { name: 'c', resources }],
      initContainers: [{ name: 'i', resources }],
    });
    const { problem } = quotaEvaluator('', 'pods');

    expect(problem(['pods', 'memory', 'limits.cpu'], pod)).toBe('must specify limits.cpu for: a,b; memory for: a,b');
    expect(problem(['pods'], pod)).toBeUndefined();
    expect(problem(['memory'], podOf({ containers: [{ name: 'a' }], resources }))).toBeUndefined();
  });
});

describe('scopes', () => {
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', namespaceSelector: {} }],
    },
  };

  it.each<{ scope: ScopedResourceSelectorRequirement; spec: Partial<PodSpec>; want: boolean }>([
    { scope: { scopeName: 'Terminating', operator: 'Exists' }, spec: { activeDeadlineSeconds: 5 }, want: true },
    { scope: { scopeName: 'Terminating', operator: 'Exists' }, spec: {}, want: false },
    { scope: { scopeName: 'NotTerminating', operator: 'Exists' }, spec: {}, want: true },
    { scope: { scopeName: 'BestEffort', operator: 'Exists' }, spec: { containers: [{ name: 'a' }] }, want: true },
    { scope: { scopeName: 'NotBestEffort', operator: 'Exists' }, spec: { containers: [{ name: 'a', resources }] }, want: true },
    { scope: { scopeName: 'PriorityClass', operator: 'In', values: ['high'] }, spec: { priorityClassName: 'high' }, want: true },
    { scope: { scopeName: 'PriorityClass', operator: 'In', values: ['high'] }, spec: {}, want: false },
    {
      scope: { scopeName: 'PriorityClass', operator: 'NotIn', values: ['high'] },
      spec: { priorityClassName: 'low' },
      want: true,
    },
    { scope: { scopeName: 'PriorityClass', operator: 'Exists' }, spec: { priorityClassName: 'low' }, want: true },
    { scope: { scopeName: 'PriorityClass', operator: 'DoesNotExist' }, spec: {}, want: true },
    { scope: { scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }, spec: { affinity }, want: true },
    { scope: { scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }, spec: {}, want: false },
  ])('$scope of $spec: $want', ({ scope, spec, want }) => {
    const quota = { spec: { scopeSelector: { matchExpressions: [scope] } } };

    expect(isInQuotaScope(quota, quotaEvaluator('', 'pods'), podOf(spec))).toBe(want);
  });

  it('of pods leave other objects out', () => {
    expect(isInQuotaScope({ spec: { scopes: ['BestEffort'] } }, quotaEvaluator('', 'secrets'), {})).toBe(false);
    expect(isInQuotaScope({ spec: {} }, quotaEvaluator('', 'secrets'), {})).toBe(true);
  });
});
