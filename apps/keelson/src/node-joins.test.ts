import { once } from 'node:events';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findCondition } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { Node, Pod, Secret, Service } from '@keelson/api/core/v1';
import { ClusterRoleBinding } from '@keelson/api/rbac/v1';
import { ensureObjects, joiningObjects } from '@keelson/api-server';
import { silentLogger as logger, SystemClock } from '@keelson/base';
import { parseKubeconfig, type ClusterConfig } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { delegatedAuthorize, Kubelet, NodeCredentials } from '@keelson/kubelet';
import { createAuthority } from '@keelson/pki';
import { SimulatedRuntime } from '@keelson/runtime';
import { eventually, startCluster, type TestCluster } from '@keelson/testing';
import { expect, it } from 'vitest';

const TOKEN = 'abcdef.0123456789abcdef';
const clock = new SystemClock();
const addresses = [
  { type: 'InternalIP', address: '127.0.0.1' },
  { type: 'Hostname', address: 'joiner' },
];
const { signal } = new AbortController();

/** What somebody prepares who wants machines to join: a token, and what nodes may do. */
async function invite(cluster: TestCluster): Promise<ClusterConfig> {
  await ensureObjects(cluster.transport, joiningObjects(cluster.kubeconfig()));
  const data = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' };
  const metadata = { name: 'bootstrap-token-abcdef', namespace: 'kube-system' };
  await cluster.client.resource(Secret).create({ metadata, type: 'bootstrap.kubernetes.io/token', stringData: data });
  await cluster.client.resource(ClusterRoleBinding).create({
    metadata: { name: 'joined-nodes' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  });
  const { server, ca = '' } = parseKubeconfig(cluster.kubeconfig());
  return { server, ca, namespace: 'default', token: async () => TOKEN };
}

/** The requests of kubelets for the certificate of their API wait for somebody. */
async function approveServing({ client }: TestCluster): Promise<void> {
  const requests = client.resource(CertificateSigningRequest);
  const found = await eventually(async () =>
    (await requests.list()).items.find(({ spec }) => spec.signerName === 'kubernetes.io/kubelet-serving'),
  );
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test', message: 'it is ours' }];
  const where = { name: found.metadata?.name ?? '' };
  await requests.subresource(where, { subresource: 'approval', method: 'PUT', body: { ...found, status: { conditions } } });
}

async function running(
  credentials: NodeCredentials,
  rootDir: string,
  clientCa: string,
): Promise<AsyncDisposableStack & { kubelet: Kubelet }> {
  const stack = new AsyncDisposableStack();
  const { client } = credentials;
  const [runtime, informers] = [new SimulatedRuntime({ clock }), new InformerFactory({ client, clock, logger })];
  stack.defer(() => runtime.close());
  stack.defer(() => informers.stop());
  const events = new EventRecorder({ client, clock, logger, component: 'kubelet' });
  stack.defer(() => events.stop());
  const first = await (await createAuthority({ commonName: 'own' })).issue({ commonName: 'joiner', usages: ['server'] });
  const renewed$ = credentials.servingCertificate.certificates$;
  const tls = { cert: first.certificate, key: first.privateKey, clientCa, renewed$ };
  const serving = { port: 0, tls, authorize: delegatedAuthorize({ client, clock, nodeName: 'joiner' }) };
  const pods = informers.for(Pod, { fieldSelector: 'spec.nodeName=joiner' });
  const parts = { client, clock, logger, runtime, events, pods, services: informers.for(Service) };
  const kubelet = new Kubelet(parts, { nodeName: 'joiner', addresses, rootDir, serving });
  await informers.start(signal);
  await kubelet.start(signal);
  stack.defer(() => kubelet.stop());
  return Object.assign(stack, { kubelet });
}

it('lets a machine join that has nothing but a bootstrap token, with certificates of the cluster for both sides', async () => {
  await using cluster = await startCluster({ nodes: 0, http: true });
  const rootDir = await mkdtemp(join(tmpdir(), 'joiner-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(rootDir, { recursive: true, force: true }));
  const bootstrap = await invite(cluster);
  const admin = parseKubeconfig(cluster.kubeconfig());
  const options = { nodeName: 'joiner', directory: join(rootDir, 'pki'), bootstrap, addresses };
  const credentials = new NodeCredentials({ clock, logger }, options);
  stack.defer(() => credentials.stop());

  await credentials.start(signal);
  const node = stack.use(await running(credentials, rootDir, bootstrap.ca ?? ''));
  await approveServing(cluster);
  await eventually(() => credentials.servingCertificate.current !== undefined);

  const isReady = async () =>
    findCondition((await cluster.client.resource(Node).get({ name: 'joiner' })).status?.conditions, 'Ready');
  await eventually(async () => (await isReady())?.status === 'True');
  const where = { name: 'web', namespace: 'default' };
  await cluster.client.resource(Pod).create({ metadata: where, spec: { containers: [{ name: 'web', image: 'web:1' }] } });
  await eventually(async () => (await cluster.client.resource(Pod).get(where)).status?.phase === 'Running');
  // The cluster's own authority vouches for the node's API, and the node knows the cluster's administrator.
  const { ca, certificate: cert, privateKey: key } = admin;
  const call = request({ host: '127.0.0.1', port: node.kubelet.port, path: '/runningpods/', ca, cert, key, agent: false }).end();
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  expect(JSON.parse(await text(answer))).toMatchObject({ items: [{ metadata: { name: 'web' } }] });
  expect(cluster.problems).toEqual([]);
});
