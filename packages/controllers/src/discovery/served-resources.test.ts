import { startTestApiServer } from '@keelson/api-server/testing';
import { KeelsonError } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { describe, expect, it } from 'vitest';
import { servedResources } from './served-resources.ts';

/** A server that has the documents of these paths; an error instead of a document is thrown. */
function serverOf(documents: Readonly<Record<string, unknown>>): Pick<Transport, 'request'> {
  return {
    request: async ({ path }) => {
      const body = documents[path];
      if (body instanceof Error) throw body;
      if (body === undefined) throw new KeelsonError('NotFound', `No "${path}"`);
      return { status: 200, body, warnings: [] };
    },
  };
}

const ROOTS = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/api/v1': {
    kind: 'APIResourceList',
    resources: [
      { name: 'pods', kind: 'Pod', namespaced: true, verbs: ['list', 'delete'] },
      { name: 'pods/status', kind: 'Pod', namespaced: true, verbs: ['get'] },
    ],
  },
};

describe('discovery', () => {
  it('finds each resource of a real server once, in its preferred version', async () => {
    await using api = await startTestApiServer();

    const { resources, failures } = await servedResources(api.transport);

    expect(failures.size).toBe(0);
    expect(resources).toContainEqual(
      expect.objectContaining({ group: 'apps', version: 'v1', kind: 'Deployment', resource: 'deployments', namespaced: true }),
    );
    expect(new Set(resources.map(({ group, resource }) => `${group}/${resource}`)).size).toBe(resources.length);
    expect(resources.filter(({ resource }) => resource.includes('/'))).toEqual([]);
  });

  it('reads plain documents of older servers, and says which group versions it could not read', async () => {
    const server = serverOf({
      ...ROOTS,
      '/apis': {
        kind: 'APIGroupList',
        groups: [
          { versions: [{ groupVersion: 'a/v1beta1' }, { groupVersion: 'a/v1' }], preferredVersion: { groupVersion: 'a/v1' } },
          { versions: [{ groupVersion: 'broken/v1' }] },
          { versions: [{ groupVersion: 'gone/v1' }] },
        ],
      },
      '/apis/a/v1': { resources: [{ name: 'things', kind: 'Thing', namespaced: false, verbs: [] }] },
      '/apis/a/v1beta1': { resources: [{ name: 'things', kind: 'Thing', namespaced: false, verbs: [] }] },
      '/apis/broken/v1': new KeelsonError('ServiceUnavailable', 'away'),
    });

    const { resources, failures } = await servedResources(server as Transport);

    expect(resources.map(({ group, version, resource }) => `${group}/${version}/${resource}`)).toEqual([
      '/v1/pods',
      'a/v1/things',
    ]);
    expect([...failures]).toEqual([['broken/v1', 'away']]);
  });

  it('counts a stale group version as a failure', async () => {
    const empty = { kind: 'APIGroupDiscoveryList', items: [] };
    const items = [{ metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1', freshness: 'Stale' }] }];
    const server = serverOf({ '/api': empty, '/apis': { ...empty, items } });

    const { failures } = await servedResources(server as Transport);

    expect([...failures.keys()]).toEqual(['metrics.k8s.io/v1']);
  });
});
