import { silentLogger, SystemClock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { createSigningKey } from '@keelson/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserInfo } from '../../registry/strategy.ts';
import { ApiProbe } from '../../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServer } from '../../testing.ts';
import { ClusterAuth } from '../cluster-auth.ts';
import type { AuthorizationDecision } from '../contracts.ts';

const node = (name: string): UserInfo => ({ name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] });
const PODS = '/api/v1/namespaces/default/pods';
const SECRET = { resource: 'secrets', namespace: 'default', name: 's' };
const NO_RELATION = "no relationship found between node 'n1' and this object";

/** What is in the table below: an object of the core group, unless it says another. */
interface Asked {
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fields?: readonly { readonly field: string; readonly operator: '='; readonly value: string }[];
}

const is = (field: string, value: string) => [{ field, operator: '=' as const, value }];
const coordination = { group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease' };
const csi = { group: 'storage.k8s.io', resource: 'csinodes' };
const slices = { group: 'resource.k8s.io', resource: 'resourceslices' };
const attachment = { group: 'storage.k8s.io', resource: 'volumeattachments' };
const pods = { resource: 'pods', namespace: 'default' };

describe('the Node authorizer', () => {
  let api: TestApiServer;
  let auth: ClusterAuth;
  let admin: ApiProbe;

  beforeAll(async () => {
    const { privateKey: signingKey } = await createSigningKey();
    const transport = (): Transport => api.transport;
    auth = new ClusterAuth({ clock: new SystemClock(), logger: silentLogger, transport }, { signingKey });
    api = await startTestApiServer(auth.extensions);
    admin = new ApiProbe(api.transport);
    await auth.ready();
    await makeObjects();
  });

  afterAll(async () => {
    await auth.stop();
    await api.close();
  });

  async function makePod(name: string, spec: object): Promise<void> {
    await admin.create(PODS, { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
  }

  async function makeObjects(): Promise<void> {
    const volumes = [
      { name: 's', secret: { secretName: 's' } },
      { name: 'm', configMap: { name: 'm' } },
      { name: 'c', persistentVolumeClaim: { claimName: 'c' } },
    ];
    await makePod('p', { nodeName: 'n1', volumes });
    await makePod('unbound', { volumes: [{ name: 's', secret: { secretName: 'later' } }] });
    await makePod('elsewhere', { nodeName: 'n2', volumes: [{ name: 's', secret: { secretName: 'theirs' } }] });
    const csiVolume = { driver: 'd', volumeHandle: 'h', nodeStageSecretRef: { name: 'staging', namespace: 'kube-system' } };
    const claimRef = { namespace: 'default', name: 'c' };
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi: csiVolume, claimRef };
    await admin.create('/api/v1/persistentvolumes', { metadata: { name: 'pv' }, spec });
    await admin.create('/apis/storage.k8s.io/v1/volumeattachments', {
      metadata: { name: 'a' },
      spec: { attacher: 'd', nodeName: 'n1', source: { persistentVolumeName: 'pv' } },
    });
    await admin.create('/apis/resource.k8s.io/v1/resourceslices', {
      metadata: { name: 'slice' },
      spec: { driver: 'd.example.com', nodeName: 'n1', pool: { name: 'n1', generation: 1, resourceSliceCount: 1 } },
    });
  }

  async function judged(
    verb: string,
    { group = '', ...asked }: Asked,
    user = node('n1'),
  ): Promise<AuthorizationDecision | undefined> {
    return auth.extensions.authorizer?.authorize({ user, verb, resource: { group, version: 'v1', ...asked } });
  }

  it.each<[verb: string, asked: Asked]>([
    ['get', SECRET],
    ['list', SECRET],
    ['watch', SECRET],
    ['get', { resource: 'secrets', namespace: 'kube-system', name: 'staging' }],
    ['get', { resource: 'configmaps', namespace: 'default', name: 'm' }],
    ['get', { resource: 'configmaps', namespace: 'default', name: 'kube-root-ca.crt' }],
    ['get', { resource: 'persistentvolumeclaims', namespace: 'default', name: 'c' }],
    ['patch', { resource: 'persistentvolumeclaims', subresource: 'status', namespace: 'default', name: 'c' }],
    ['get', { resource: 'persistentvolumes', name: 'pv' }],
    ['get', { ...attachment, name: 'a' }],
    ['create', { resource: 'serviceaccounts', subresource: 'token', namespace: 'default', name: 'default' }],
    ['get', { resource: 'serviceaccounts', namespace: 'default', name: 'default' }],
    ['create', coordination],
    ['update', { ...coordination, name: 'n1' }],
    ['create', csi],
    ['patch', { ...csi, name: 'n1' }],
    ['create', slices],
    ['delete', { ...slices, name: 'slice' }],
    ['list', { ...slices, fields: is('spec.nodeName', 'n1') }],
    ['create', { resource: 'nodes' }],
    ['get', { resource: 'nodes', name: 'n1' }],
    ['watch', { resource: 'nodes', name: 'n1', fields: is('metadata.name', 'n1') }],
    ['patch', { resource: 'nodes', subresource: 'status', name: 'n1' }],
    ['get', { ...pods, name: 'p' }],
    ['list', { resource: 'pods', fields: is('spec.nodeName', 'n1') }],
    ['watch', { ...pods, name: 'p', fields: is('metadata.name', 'p') }],
    ['create', pods],
    ['delete', { ...pods, name: 'p' }],
    ['patch', { ...pods, subresource: 'status', name: 'p' }],
    ['create', { ...pods, subresource: 'eviction', name: 'p' }],
    ['list', { resource: 'services' }],
    ['create', { resource: 'events', namespace: 'default' }],
    ['create', { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' }],
    ['create', { group: 'authorization.k8s.io', resource: 'subjectaccessreviews' }],
    ['watch', { group: 'node.k8s.io', resource: 'runtimeclasses' }],
    ['list', { group: 'storage.k8s.io', resource: 'csidrivers' }],
  ])('lets a node %s %j', async (verb, asked) => {
    expect(await judged(verb, asked)).toEqual({ allowed: true });
  });

  it.each<[verb: string, asked: Asked, reason: string | undefined]>([
    ['get', { resource: 'secrets', namespace: 'default', name: 'theirs' }, NO_RELATION],
    ['get', { resource: 'secrets', namespace: 'default', name: 'later' }, NO_RELATION],
    ['get', { resource: 'secrets', namespace: 'kube-system', name: 's' }, NO_RELATION],
    ['list', { resource: 'secrets', namespace: 'default' }, 'No Object name found'],
    ['list', { resource: 'secrets' }, 'can only read namespaced object of this type'],
    ['update', SECRET, 'can only read resources of this type'],
    ['get', { ...SECRET, subresource: 'x' }, 'cannot read subresource'],
    ['list', { resource: 'persistentvolumes' }, 'can only get individual resources of this type'],
    ['get', { resource: 'persistentvolumes', name: 'other' }, NO_RELATION],
    ['get', { resource: 'persistentvolumeclaims', namespace: 'default', name: 'other' }, NO_RELATION],
    ['get', { resource: 'persistentvolumeclaims', subresource: 'x', namespace: 'default', name: 'c' }, 'cannot get subresource'],
    [
      'get',
      { resource: 'persistentvolumeclaims', subresource: 'status', namespace: 'default', name: 'c' },
      'can only get/update/patch this type',
    ],
    ['get', { ...attachment, name: 'other' }, NO_RELATION],
    ['create', { resource: 'serviceaccounts', subresource: 'token', namespace: 'kube-system', name: 'default' }, NO_RELATION],
    [
      'create',
      { resource: 'serviceaccounts', subresource: 'x', namespace: 'default', name: 'default' },
      'can only create token subresource of serviceaccount',
    ],
    ['list', { resource: 'serviceaccounts', namespace: 'default' }, 'can only create tokens for individual service accounts'],
    ['update', { ...coordination, name: 'n2' }, 'can only access node lease with the same name as the requesting node'],
    ['list', coordination, 'can only get, create, update, patch, or delete a node lease'],
    ['create', { ...coordination, namespace: 'kube-system' }, 'can only access leases in the "kube-node-lease" system namespace'],
    ['list', csi, 'can only get, create, update, patch, or delete a CSINode'],
    ['get', { ...csi, name: 'n2' }, 'can only access CSINode with the same name as the requesting node'],
    ['get', { ...csi, name: 'n1', subresource: 'x' }, 'cannot authorize CSINode subresources'],
    ['list', slices, 'can only list/watch/deletecollection resourceslices with nodeName field selector'],
    ['get', { ...slices, name: 'other' }, NO_RELATION],
    ['get', { resource: 'nodes', name: 'n2' }, "node 'n1' cannot read 'n2', only its own Node object"],
    ['list', { resource: 'nodes' }, "node 'n1' cannot read all nodes, only its own Node object"],
    ['delete', { resource: 'nodes', name: 'n1' }, undefined],
    ['get', { resource: 'nodes', subresource: 'proxy', name: 'n1' }, undefined],
    ['list', { resource: 'pods' }, 'can only list/watch pods with spec.nodeName field selector'],
    [
      'watch',
      { resource: 'pods', fields: is('spec.nodeName', 'n2') },
      'can only list/watch pods with spec.nodeName field selector',
    ],
    ['get', { ...pods, name: 'elsewhere' }, NO_RELATION],
    ['update', { ...pods, name: 'p' }, undefined],
    ['deletecollection', pods, undefined],
    ['create', { ...pods, subresource: 'exec', name: 'p' }, undefined],
    ['create', { ...pods, subresource: 'binding', name: 'p' }, undefined],
    ['create', { resource: 'namespaces' }, undefined],
    ['list', { group: 'apps', resource: 'deployments' }, undefined],
  ])('does not let a node %s %j', async (verb, asked, reason) => {
    expect(await judged(verb, asked)).toEqual({ allowed: false, ...(reason !== undefined && { reason }) });
  });

  it('knows nodes by their group and their name together', async () => {
    expect(await judged('get', SECRET, { name: 'system:node:n1', groups: ['system:authenticated'] })).toEqual({ allowed: false });
    expect(await judged('get', SECRET, { name: 'n1', groups: ['system:nodes'] })).toEqual({ allowed: false });
    expect(await judged('get', SECRET, node(''))).toEqual({ allowed: false, reason: 'unknown node for user "system:node:"' });
  });

  it('follows pods as they come, are bound and go, with no moment in which the node is refused what it needs', async () => {
    const asked = { resource: 'secrets', namespace: 'default', name: 'moving' };
    await makePod('moving', { volumes: [{ name: 's', secret: { secretName: 'moving' } }] });
    const unbound = await judged('get', asked);

    const target = { kind: 'Node', name: 'n1' };
    await admin.create(`${PODS}/moving/binding`, { target });
    const bound = await judged('get', asked);
    await api.transport.request({ method: 'DELETE', path: `${PODS}/moving`, query: { gracePeriodSeconds: 0 } });

    expect([unbound?.allowed, bound?.allowed]).toEqual([false, true]);
    await expect.poll(async () => (await judged('get', asked))?.allowed).toBe(false);
  });

  it('tells whoever is refused why', async () => {
    const kubelet = api.server.transport(node('n1'));

    await expect(kubelet.request({ method: 'GET', path: '/api/v1/namespaces/default/secrets/theirs' })).rejects.toMatchObject({
      code: 403,
      message: `secrets "theirs" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default": ${NO_RELATION}`,
    });
    await expect(kubelet.request({ method: 'GET', path: PODS })).rejects.toThrow(
      'cannot list resource "pods" in API group "" in the namespace "default": can only list/watch pods with spec.nodeName field selector',
    );
    await expect(
      kubelet.request({ method: 'GET', path: PODS, query: { fieldSelector: 'spec.nodeName=n1' } }),
    ).resolves.toMatchObject({ body: { items: [{ metadata: { name: 'p' } }] } });
  });

  it('answers reviews with field selectors', async () => {
    const review = async (kind: string, spec: object) =>
      (await api.transport.request({ method: 'POST', path: `/apis/authorization.k8s.io/v1/${kind}`, body: { spec } })).body;
    const { name: user, groups } = node('n1');
    const asks = (fieldSelector: object) =>
      review('subjectaccessreviews', { user, groups, resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector } });
    const requirements = [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }];

    expect(await asks({ rawSelector: 'spec.nodeName=n1' })).toMatchObject({ status: { allowed: true } });
    expect(await asks({ requirements })).toMatchObject({ status: { allowed: true } });
    expect(await asks({ rawSelector: 'spec.nodeName!=n1' })).toMatchObject({
      status: { allowed: false, reason: 'can only list/watch pods with spec.nodeName field selector' },
    });
  });
});
