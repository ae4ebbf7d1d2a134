import { describe, expect, it } from 'vitest';
import { builtinDefinitions } from '../registry/builtin-definitions.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { Discovery } from './discovery.ts';
import { compareVersions } from './groups.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const builtin = builtinDefinitions();

interface Version {
  version: string;
  resources: { resource: string }[];
}

/** What the documents have, all of them together. */
interface Json {
  kind: string;
  apiVersion: string;
  groupVersion: string;
  paths: string[];
  groups: { name: string; versions: Version[] }[];
  resources: { name: string }[];
  items: { metadata: { name: string }; versions: Version[] }[];
}

function discoveryOf(definitions: readonly ResourceDefinition[] = builtin) {
  return new Discovery(() => definitions, { serverAddress: () => '127.0.0.1:6443' });
}

function get(path: string, accept = 'application/json', discovery = discoveryOf()): Json {
  const response = discovery.handle(path, { accept });
  if (!response) throw new Error(`nothing at ${path}`);
  return JSON.parse(response.body.toString()) as Json;
}

describe('plain discovery', () => {
  it('lists the versions of the core group', () => {
    expect(get('/api')).toEqual({
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1:6443' }],
    });
  });

  it('lists groups in their order with preferred versions', () => {
    const { kind, groups } = get('/apis/');

    expect(kind).toBe('APIGroupList');
    expect(groups.slice(0, 2).map(({ name }) => name)).toEqual(['apiregistration.k8s.io', 'apps']);
    expect(groups.find(({ name }) => name === 'autoscaling')).toEqual({
      name: 'autoscaling',
      versions: [
        { groupVersion: 'autoscaling/v2', version: 'v2' },
        { groupVersion: 'autoscaling/v1', version: 'v1' },
      ],
      preferredVersion: { groupVersion: 'autoscaling/v2', version: 'v2' },
    });
  });

  it('describes one group', () => {
    expect(get('/apis/apps')).toMatchObject({ kind: 'APIGroup', apiVersion: 'v1', name: 'apps' });
  });

  it('describes resources and subresources of a version', () => {
    const { resources, groupVersion } = get('/api/v1');
    const named = Object.fromEntries(resources.map((resource) => [resource.name, resource]));

    expect(groupVersion).toBe('v1');
    expect(named.pods).toEqual({
      name: 'pods',
      singularName: 'pod',
      namespaced: true,
      kind: 'Pod',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['po'],
      categories: ['all'],
      storageVersionHash: 'xPOwRZ+Yhw8=',
    });
    expect(named['pods/eviction']).toMatchObject({ group: 'policy', version: 'v1', kind: 'Eviction', singularName: '' });
    expect(resources.map(({ name }) => name)).toEqual(Object.keys(named).sort());
  });

  it.each(['/apis/none', '/apis/apps/v9', '/apis/apps/v1/deployments', '/api/v2', '/version'])('has nothing at %s', (path) => {
    expect(discoveryOf().handle(path)).toBeUndefined();
  });

  it('lists paths at the root', () => {
    expect(get('/').paths).toEqual(
      expect.arrayContaining(['/api', '/api/v1', '/apis/apps', '/apis/apps/v1', '/openapi/v3', '/version']),
    );
  });

  it('refuses clients that take no JSON', () => {
    expect(discoveryOf().handle('/api', { accept: 'text/html' })?.status).toBe(406);
  });
});

describe('aggregated discovery', () => {
  it('has everything of the groups in one document', () => {
    const { items, kind, apiVersion } = get('/apis', `${AGGREGATED},application/json`);
    const apps = items.find(({ metadata }) => metadata.name === 'apps');

    expect({ kind, apiVersion }).toEqual({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    expect(apps?.versions[0]).toMatchObject({ version: 'v1', freshness: 'Current' });
    expect(apps?.versions[0]?.resources.find(({ resource }) => resource === 'deployments')).toEqual({
      resource: 'deployments',
      responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['deploy'],
      categories: ['all'],
      subresources: [
        {
          subresource: 'scale',
          responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
          verbs: ['get', 'patch', 'update'],
        },
        {
          subresource: 'status',
          responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
          verbs: ['get', 'patch', 'update'],
        },
      ],
    });
  });

  it('has the core group alone at /api', () => {
    const { items } = get('/api', AGGREGATED);

    expect(items).toHaveLength(1);
    expect(items[0]?.metadata).toEqual({});
  });

  it('says its content type, and answers 304 to whoever has it', () => {
    const discovery = discoveryOf();
    const first = discovery.handle('/apis', { accept: AGGREGATED });

    expect(first?.contentType).toBe(AGGREGATED);
    expect(discovery.handle('/apis', { accept: AGGREGATED, ifNoneMatch: first?.etag })).toMatchObject({
      status: 304,
      etag: first?.etag,
    });
  });

  it('changes its ETag when what is served changes, and only then', () => {
    const definitions = [...builtin];
    const discovery = discoveryOf(definitions);
    const etag = () => discovery.handle('/apis', { accept: AGGREGATED })?.etag;
    const first = etag();

    discovery.invalidate();
    expect(etag()).toBe(first);

    definitions.pop();
    discovery.invalidate();
    expect(etag()).not.toBe(first);
  });

  it('shows groups from outside the tables after the others, best version first', () => {
    const [pod] = builtin;
    if (!pod) throw new Error('no kinds');
    const custom = ['v1beta1', 'v2', 'v1'].map((version) => ({ ...pod, group: 'example.com', version, resource: 'widgets' }));

    const { groups } = get('/apis', 'application/json', discoveryOf([...custom, ...builtin]));

    expect(groups.at(-1)?.versions.map(({ version }) => version)).toEqual(['v2', 'v1', 'v1beta1']);
  });
});

it('orders versions as Kubernetes does', () => {
  const versions = ['foo10', 'v1', 'v3beta1', 'v10', 'foo1', 'v11alpha2', 'v2', 'v12alpha1', 'v10beta3', 'v11beta2'];

  expect(versions.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v10beta3',
    'v3beta1',
    'v12alpha1',
    'v11alpha2',
    'foo1',
    'foo10',
  ]);
});
