import { statusOf } from '@keelson/api';
import { Node, PersistentVolumeClaim, Pod, ServiceAccount } from '@keelson/api/core/v1';
import { Lease } from '@keelson/api/coordination/v1';
import { ResourceSlice } from '@keelson/api/resource/v1';
import { CSIDriver, CSINode } from '@keelson/api/storage/v1';
import { ClusterRole, ClusterRoleBinding } from '@keelson/api/rbac/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Client, type Transport } from '@keelson/client';
import { createSigningKey } from '@keelson/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterAuth } from '../../auth/cluster-auth.ts';
import { startTestApiServer, type TestApiServer } from '../../testing.ts';

const namespace = 'default';
const MIRROR = 'kubernetes.io/config.mirror';
const containers = [{ name: 'c', image: 'i' }];
/** `ok`, or what it was refused with. */
type Answer = string;

describe('NodeRestriction', () => {
  let api: TestApiServer;
  let auth: ClusterAuth;
  let admin: Client;
  let kubelet: Client;
  let nodeUid: string;
  let podUid: string;

  beforeAll(async () => {
    const { privateKey: signingKey } = await createSigningKey();
    const transport = (): Transport => api.transport;
    auth = new ClusterAuth({ clock: new SystemClock(), logger: silentLogger, transport }, { signingKey });
    api = await startTestApiServer(auth.extensions);
    admin = createClient(api.transport);
    kubelet = createClient(api.server.transport({ name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }));
    await auth.ready();
    await makeObjects();
  });

  afterAll(async () => {
    await auth.stop();
    await api.close();
  });

  async function makeObjects(): Promise<void> {
    const taints = [{ key: 'mine', value: 'x', effect: 'NoSchedule' as const }];
    for (const name of ['n1', 'n2']) await admin.resource(Node).create({ metadata: { name }, spec: { taints } });
    nodeUid = (await admin.resource(Node).get({ name: 'n1' })).metadata?.uid ?? '';
    const driver = { podInfoOnMount: true, tokenRequests: [{ audience: 'bank' }] };
    await admin.resource(CSIDriver).create({ metadata: { name: 'd.example.com' }, spec: driver });
    const volumes = [
      { name: 'v', csi: { driver: 'd.example.com' } },
      { name: 't', projected: { sources: [{ serviceAccountToken: { audience: 'vault', path: 't' } }] } },
      { name: 'c', persistentVolumeClaim: { claimName: 'c' } },
    ];
    await admin.resource(Pod).create({ metadata: { name: 'p', namespace }, spec: { nodeName: 'n1', containers, volumes } });
    await admin.resource(Pod).create({ metadata: { name: 'other', namespace }, spec: { nodeName: 'n2', containers } });
    podUid = (await admin.resource(Pod).get({ name: 'p', namespace })).metadata?.uid ?? '';
    const resources = { requests: { storage: '1Gi' } };
    await admin
      .resource(PersistentVolumeClaim)
      .create({ metadata: { name: 'c', namespace }, spec: { accessModes: ['ReadWriteOnce'], resources } });
  }

  function answer(asked: Promise<unknown>): Promise<Answer> {
    return asked.then(
      () => 'ok',
      (error: unknown) => statusOf(error).message ?? '',
    );
  }

  const mirror = (metadata: object = {}, spec: object = {}): Pod => ({
    metadata: {
      name: 'static-n1',
      namespace,
      annotations: { [MIRROR]: 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: nodeUid, controller: true }],
      ...metadata,
    },
    spec: { nodeName: 'n1', containers, ...spec },
  });
  const owner = (more: object) => [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: nodeUid, controller: true, ...more }];
  const create = (pod: Pod) => answer(kubelet.resource(Pod).create(pod, { dryRun: true }));

  it('lets a kubelet show its static pods, and end the pods of its node', async () => {
    const pods = kubelet.resource(Pod);

    expect(await answer(pods.create(mirror()))).toBe('ok');
    expect(await answer(pods.delete({ name: 'static-n1', namespace }, { gracePeriodSeconds: 0 }))).toBe('ok');
    expect(await answer(pods.delete({ name: 'other', namespace }))).toBe(
      'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    );
  });

  it.each<[title: string, metadata: () => object, spec: object, why: string]>([
    [
      'no copy',
      () => ({ annotations: {} }),
      {},
      `pod does not have "${MIRROR}" annotation, node "n1" can only create mirror pods`,
    ],
    ['bound elsewhere', () => ({}), { nodeName: 'n2' }, 'node "n1" can only create pods with spec.nodeName set to itself'],
    [
      'without an owner',
      () => ({ ownerReferences: [] }),
      {},
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      'owned by another',
      () => ({ ownerReferences: owner({ name: 'n2' }) }),
      {},
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      'owned by two',
      () => ({ ownerReferences: [...owner({}), ...owner({ uid: 'b', controller: false })] }),
      {},
      'node "n1" can only create pods with a single owner reference set to itself',
    ],
    [
      'not controlled',
      () => ({ ownerReferences: owner({ controller: false }) }),
      {},
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      'that holds its owner back',
      () => ({ ownerReferences: owner({ blockOwnerDeletion: true }) }),
      {},
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [
      'with a service account',
      () => ({}),
      { serviceAccountName: 'a' },
      'node "n1" can not create pods that reference a service account',
    ],
    [
      'with a Secret',
      () => ({}),
      { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
      'node "n1" can not create pods that reference secrets',
    ],
    [
      'with a ConfigMap',
      () => ({}),
      { volumes: [{ name: 'v', configMap: { name: 's' } }] },
      'node "n1" can not create pods that reference configmaps',
    ],
    [
      'with a claim',
      () => ({}),
      { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] },
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
    [
      'with a device',
      () => ({}),
      { resourceClaims: [{ name: 'c', resourceClaimName: 'c' }] },
      'node "n1" can not create pods that reference resourceclaims',
    ],
  ])('lets no kubelet make a pod %s', async (_title, metadata, spec, why) => {
    expect(await create(mirror(metadata(), spec))).toBe(`pods "static-n1" is forbidden: ${why}`);
  });

  it('goes by the UID of the node that is there now', async () => {
    const ownerReferences = owner({ uid: 'old' });

    expect(await create(mirror({ ownerReferences }))).toBe(
      `pods "static-n1" is forbidden: node n1 UID mismatch: expected old got ${nodeUid}`,
    );
  });

  it('lets a kubelet tell how pods of its node are, and nothing else of them', async () => {
    const patch = (name: string, body: object) => answer(kubelet.resource(Pod).patchStatus({ name, namespace }, 'merge', body));

    expect(await patch('p', { status: { phase: 'Running' } })).toBe('ok');
    expect(await patch('other', { status: { phase: 'Running' } })).toBe(
      'pods "other" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
    expect(await patch('p', { status: { resourceClaimStatuses: [{ name: 'x', resourceClaimName: 'y' }] } })).toBe(
      'pods "p" is forbidden: node "n1" cannot update resource claim statues',
    );
  });

  it('lets a kubelet evict pods of its node', async () => {
    const evict = (name: string) =>
      answer(
        kubelet
          .resource(Pod)
          .subresource(
            { name, namespace },
            { subresource: 'eviction', method: 'POST', body: { metadata: { name } }, dryRun: true },
          ),
      );

    expect(await evict('p')).toBe('ok');
    expect(await evict('other')).toBe('pods "other" is forbidden: node n1 can only evict pods with spec.nodeName set to itself');
    expect(await evict('none')).toBe('pod "none" not found');
  });

  it.each<[title: string, node: Node, why: string]>([
    ['that is another', { metadata: { name: 'n3' } }, 'nodes "n3" is forbidden: node "n1" is not allowed to modify node "n3"'],
    [
      'with labels of others',
      {
        metadata: {
          name: 'n1',
          labels: { 'node-role.kubernetes.io/x': '', 'a.node-restriction.kubernetes.io/b': '', zone: 'z' },
        },
      },
      'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/b, node-role.kubernetes.io/x',
    ],
    [
      'with a configuration',
      { metadata: { name: 'n1' }, spec: { configSource: { configMap: { name: 'c', namespace, kubeletConfigKey: 'k' } } } },
      'nodes "n1" is forbidden: node "n1" is not allowed to create pods with a non-nil configSource',
    ],
  ])('lets no kubelet make a node %s', async (_title, node, why) => {
    expect(await answer(kubelet.resource(Node).create(node))).toBe(why);
  });

  it.each<[title: string, body: object, why: string]>([
    [
      'labels of its own',
      { metadata: { labels: { 'node.kubernetes.io/instance-type': 'm', 'kubernetes.io/os': 'linux', a: 'b' } } },
      'ok',
    ],
    [
      'labels of others',
      { metadata: { labels: { 'example.k8s.io/a': 'b' } } },
      'nodes "n1" is forbidden: is not allowed to modify labels: example.k8s.io/a',
    ],
    ['taints', { spec: { taints: null } }, 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints'],
    [
      'owners',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'none' }] } },
      'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
    ],
    ['what is out of service', { spec: { unschedulable: true } }, 'ok'],
  ])('judges changes to %s of a node', async (_title, body, why) => {
    expect(await answer(kubelet.resource(Node).patch({ name: 'n1' }, 'merge', body))).toBe(why);
  });

  it('lets no kubelet write to another node, or to its status', async () => {
    const nodes = kubelet.resource(Node);
    const why = 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"';

    expect(await answer(nodes.patch({ name: 'n2' }, 'merge', { metadata: { labels: { a: 'b' } } }))).toBe(why);
    expect(await answer(nodes.patchStatus({ name: 'n2' }, 'merge', { status: { phase: 'Running' } }))).toBe(why);
    expect(await answer(nodes.patchStatus({ name: 'n1' }, 'merge', { status: { phase: 'Running' } }))).toBe('ok');
  });

  it('lets a kubelet say how large a claim is', async () => {
    const patch = (body: object) =>
      answer(kubelet.resource(PersistentVolumeClaim).patchStatus({ name: 'c', namespace }, 'merge', body));

    expect(await patch({ status: { capacity: { storage: '1Gi' } } })).toBe('ok');
    expect(await patch({ status: { phase: 'Lost' } })).toBe(
      'persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.capacity and status.conditions',
    );
  });

  const token = (ref: object | undefined, audiences: string[] = ['vault']) =>
    answer(
      kubelet
        .resource(ServiceAccount)
        .subresource(
          { name: 'default', namespace },
          { subresource: 'token', method: 'POST', body: { spec: { audiences, ...(ref && { boundObjectRef: ref }) } } },
        ),
    );
  const bound = (more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: podUid, ...more });

  it('gives a kubelet tokens for pods of its node, for audiences that they name', async () => {
    const audience = (name: string): Answer =>
      `serviceaccounts "default" is forbidden: audience "${name}" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience`;

    expect(await token(bound(), ['vault'])).toBe('ok');
    expect(await token(bound(), ['bank'])).toBe('ok');
    expect(await token(bound(), ['elsewhere'])).toBe(audience('elsewhere'));
    expect(await token(bound(), ['vault', 'bank'])).toMatch(/node may only request 0 or 1 audiences/);
  });

  it('gives a kubelet tokens for audiences that its role allows', async () => {
    const rules = [{ apiGroups: [''], resources: ['registry'], verbs: ['request-serviceaccounts-token-audience'] }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'audiences' };
    await admin.resource(ClusterRole).create({ metadata: { name: 'audiences' }, rules });
    await admin.resource(ClusterRoleBinding).create({
      metadata: { name: 'audiences' },
      roleRef,
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
    });

    await expect.poll(() => token(bound(), ['registry'])).toBe('ok');
  });

  it.each<[title: string, ref: () => object | undefined, why: RegExp]>([
    ['bound to nothing', () => undefined, /^serviceaccounts "default" is forbidden: node requested token not bound to a pod$/],
    ['bound to a node', () => bound({ kind: 'Node', name: 'n1' }), /node requested token not bound to a pod$/],
    ['without a UID', () => bound({ uid: undefined }), /node requested token with a pod binding without a uid$/],
    [
      'with the UID of another',
      () => bound({ uid: 'x' }),
      /the UID in the bound object reference \(x\) does not match the UID in record/,
    ],
    ['of a pod that is not there', () => bound({ name: 'none' }), /^pod "none" not found$/],
  ])('gives a kubelet no token %s', async (_title, ref, why) => {
    expect(await token(ref())).toMatch(why);
  });

  it('gives a kubelet no token of a pod of another node', async () => {
    const { metadata } = await admin.resource(Pod).get({ name: 'other', namespace });

    expect(await token(bound({ name: 'other', uid: metadata?.uid }))).toMatch(
      /node requested token bound to a pod scheduled on a different node$/,
    );
  });

  it('gives a kubelet leases, CSI nodes and devices of its own', async () => {
    const lease = (name: string) =>
      answer(
        kubelet.resource(Lease).create({ metadata: { name, namespace: 'kube-node-lease' }, spec: { holderIdentity: name } }),
      );
    const csiNode = (name: string) => answer(kubelet.resource(CSINode).create({ metadata: { name }, spec: { drivers: [] } }));
    const pool = { name: 'p', generation: 1, resourceSliceCount: 1 };
    const slice = (nodeName: string) =>
      answer(
        kubelet
          .resource(ResourceSlice)
          .create({ metadata: { name: nodeName }, spec: { driver: 'd.example.com', nodeName, pool } }),
      );

    expect(await Promise.all([lease('n1'), csiNode('n1'), slice('n1')])).toEqual(['ok', 'ok', 'ok']);
    expect(await Promise.all([lease('n2'), csiNode('n2'), slice('n2')])).toEqual([
      'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
      'csinodes.storage.k8s.io "n2" is forbidden: can only access CSINode with the same name as the requesting node',
      'resourceslices.resource.k8s.io "n2" is forbidden: can only create ResourceSlice with the same NodeName as the requesting node',
    ]);
  });

  it('can be left out', async () => {
    await using open = await startTestApiServer({ server: { disabledAdmission: ['NodeRestriction'] } });
    const someone = createClient(open.server.transport({ name: 'system:node:n1', groups: ['system:nodes'] }));

    expect(await answer(someone.resource(Node).create({ metadata: { name: 'n3' } }))).toBe('ok');
  });
});
