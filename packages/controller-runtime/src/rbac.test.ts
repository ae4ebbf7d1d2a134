import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Node, Secret, Service } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { reads } from './define-controller.ts';
import { rbacManifests, rbacRules } from './rbac.ts';

const controllers = [{ for: ConfigMap, owns: [Deployment, Service, Secret], watches: [reads(Node)] }];

it('allows what controllers declare, and no more', () => {
  expect(rbacRules({ controllers })).toEqual([
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'patch', 'update', 'watch'] },
    { apiGroups: [''], resources: ['configmaps/status'], verbs: ['get', 'patch', 'update'] },
    { apiGroups: [''], resources: ['configmaps/finalizers'], verbs: ['update'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'] },
    {
      apiGroups: [''],
      resources: ['services', 'secrets'],
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  ]);
});

it('allows leases and registration to who needs them', () => {
  const more = [{ apiGroups: ['example.com'], resources: ['things'], verbs: ['get'] }];
  const rules = rbacRules({ controllers: [], leaderElection: true, webhooks: true, more });

  expect(rules).toEqual([
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] },
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
      verbs: ['create', 'get', 'update'],
    },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'get', 'update'] },
    ...more,
  ]);
});

it('binds the role to the account of the operator', () => {
  expect(rbacManifests({ name: 'op', namespace: 'ops', controllers })).toMatchObject([
    { kind: 'ServiceAccount', metadata: { name: 'op', namespace: 'ops' } },
    { kind: 'ClusterRole', metadata: { name: 'op' } },
    { kind: 'ClusterRoleBinding', roleRef: { name: 'op' }, subjects: [{ name: 'op', namespace: 'ops' }] },
  ]);
});

describe('an operator of some namespaces', () => {
  const manifests = (more: Partial<Parameters<typeof rbacManifests>[0]>) =>
    rbacManifests({ name: 'op', namespace: 'ops', controllers, namespaces: ['a', 'b'], ...more });
  const role = (found: ReturnType<typeof manifests>, namespace: string | undefined, name = 'op') =>
    found.find(({ kind, metadata }) => kind?.endsWith('Role') && metadata?.namespace === namespace && metadata?.name === name);
  const resourcesOf = (found: object | undefined) =>
    ((found ?? {}) as { rules?: { resources: string[] }[] }).rules?.flatMap(({ resources }) => resources);

  it('may do in them what its controllers declare, and only read what is in no namespace', () => {
    const found = manifests({});
    const inNamespace = [
      'configmaps',
      'configmaps/status',
      'configmaps/finalizers',
      'deployments',
      'services',
      'secrets',
      'events',
    ];

    expect(resourcesOf(role(found, 'a'))).toEqual(inNamespace);
    expect(role(found, 'b')).toMatchObject({ rules: (role(found, 'a') as { rules?: unknown } | undefined)?.rules });
    expect(resourcesOf(role(found, undefined))).toEqual(['nodes']);
  });

  it('keeps its lease and certificates where it is', () => {
    const found = manifests({ leaderElection: true, webhooks: true });

    expect(resourcesOf(role(found, 'ops', 'op-own'))).toEqual(['events', 'leases', 'secrets']);
    expect(resourcesOf(role(found, undefined))).toContain('customresourcedefinitions');
    expect(resourcesOf(role(found, undefined))).not.toContain('secrets');
  });

  it('binds each role to its account', () => {
    const bindings = manifests({}).filter(({ kind }) => kind?.endsWith('Binding'));

    expect(bindings).toHaveLength(4);
    for (const binding of bindings) expect(binding).toMatchObject({ subjects: [{ name: 'op', namespace: 'ops' }] });
  });
});
