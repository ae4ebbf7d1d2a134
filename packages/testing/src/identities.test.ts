import { eventually } from '@keelson/base/testing';
import { DaemonSet, Deployment, StatefulSet } from '@keelson/api/apps/v1';
import { CronJob, Job } from '@keelson/api/batch/v1';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { ConfigMap, Event, Namespace, Node, Pod, ResourceQuota, Secret, Service, ServiceAccount } from '@keelson/api/core/v1';
import { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { ClusterRole } from '@keelson/api/rbac/v1';
import { createCertificateRequest } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from './cluster.ts';

/** Many things happen one after the other. */
const namespace = 'shop';
const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'web:1' }] } };
const selector = { matchLabels: labels };

describe('the parts of a cluster', () => {
  let cluster: TestCluster;

  beforeEach(async () => {
    cluster = await startCluster({ nodes: 2 });
  });

  // Fails if one of them lacked a right.
  afterEach(() => cluster.close());

  async function makeOneOfEach(): Promise<void> {
    const { client } = cluster;
    const named = (name: string) => ({ name, namespace });
    await client.resource(Namespace).create({ metadata: { name: namespace } });
    await eventually(() => client.resource(ServiceAccount).find(named('default')));
    await client.resource(ResourceQuota).create({ metadata: named('q'), spec: { hard: { pods: '50' } } });
    await client.resource(Service).create({ metadata: named('web'), spec: { selector: labels, ports: [{ port: 80 }] } });
    await client.resource(PodDisruptionBudget).create({ metadata: named('web'), spec: { selector, maxUnavailable: 1 } });
    await client.resource(Deployment).create({ metadata: named('d'), spec: { selector, template, replicas: 2 } });
    await client.resource(StatefulSet).create({ metadata: named('s'), spec: { selector, template, serviceName: 'web' } });
    await client.resource(DaemonSet).create({ metadata: named('ds'), spec: { selector, template } });
    const jobTemplate = { ...template, spec: { ...template.spec, restartPolicy: 'Never' as const } };
    await client.resource(Job).create({ metadata: named('j'), spec: { template: jobTemplate, ttlSecondsAfterFinished: 0 } });
    const every = { schedule: '* * * * *', jobTemplate: { spec: { template: jobTemplate } } };
    await client.resource(CronJob).create({ metadata: named('c'), spec: every });
  }

  it('do all that they do with the rights of their own roles', async () => {
    const { client } = cluster;
    await makeOneOfEach();
    const running = async (): Promise<number> =>
      (await client.resource(Pod).list({ namespace })).items.filter(({ status }) => status?.phase === 'Running').length;
    await eventually(async () => (await running()) >= 5);
    const taints = [{ key: 'gone', value: 'x', effect: 'NoExecute' as const }];
    await client.resource(Node).patch({ name: 'node-1' }, 'merge', { spec: { taints } });
    await client.resource(Deployment).delete({ name: 'd', namespace }, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await client.resource(Deployment).find({ name: 'd', namespace })) === undefined);

    await client.resource(Namespace).delete({ name: namespace });
    await eventually(async () => (await client.resource(Namespace).find({ name: namespace })) === undefined);

    expect(cluster.problems).toEqual([]);
  });

  it('give certificates, tokens and aggregated roles to who asks for them', async () => {
    const { client } = cluster;
    const { request } = await createCertificateRequest({ commonName: 'alice' });
    const requests = client.resource(CertificateSigningRequest);
    const spec = { request: btoa(request), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
    const asked = await requests.create({ metadata: { name: 'alice' }, spec });
    const approval = { type: 'Approved', status: 'True' as const, reason: 'test', message: 'test' };
    await requests.subresource(
      { name: 'alice' },
      { subresource: 'approval', method: 'PUT', body: { ...asked, status: { conditions: [approval] } } },
    );
    const annotations = { 'kubernetes.io/service-account.name': 'default' };
    const where = { name: 'kept', namespace: 'default' };
    await client.resource(Secret).create({ metadata: { ...where, annotations }, type: 'kubernetes.io/service-account-token' });

    const signed = await eventually(async () => (await requests.get({ name: 'alice' })).status?.certificate);
    const token = await eventually(async () => (await client.resource(Secret).get(where)).data?.['token']);
    const admin = await eventually(async () => {
      const { rules } = await client.resource(ClusterRole).get({ name: 'admin' });
      return (rules?.length ?? 0) > 0 && rules;
    });

    expect([signed, token, admin].every((each) => each.length > 0)).toBe(true);
  });

  it('sign what the cluster says of itself, for those that have a bootstrap token', async () => {
    const { client } = cluster;
    const data = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true' };
    const metadata = { name: 'bootstrap-token-abcdef', namespace: 'kube-system' };
    await client.resource(Secret).create({ metadata, type: 'bootstrap.kubernetes.io/token', stringData: data });
    const info = { name: 'cluster-info', namespace: 'kube-public' };
    await client.resource(ConfigMap).create({ metadata: info, data: { kubeconfig: 'kind: Config' } });

    const signature = await eventually(async () => (await client.resource(ConfigMap).get(info)).data?.['jws-kubeconfig-abcdef']);

    expect(signature).toMatch(/^[\w-]+\.\.[\w-]+$/);
  });

  it('are kubelets that see what pods of their own node need, from the first moment, and nothing else', async () => {
    await using own = await startCluster({
      nodes: [{ name: 'a', labels: { 'node-role.kubernetes.io/x': '' } }, { name: 'b' }],
      volumes: true,
    });
    const { client } = own;
    const where = (name: string) => ({ name, namespace: 'default' });
    for (const node of ['a', 'b']) {
      await client.resource(Secret).create({ metadata: where(`of-${node}`), stringData: { k: 'v' } });
      await client.resource(ConfigMap).create({ metadata: where(`of-${node}`), data: { k: 'v' } });
      const volumes = [
        { name: 's', secret: { secretName: `of-${node}` } },
        { name: 'm', configMap: { name: `of-${node}` } },
      ];
      const volumeClaimTemplates = [
        { metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } },
      ];
      const volumeMounts = ['s', 'm', 'd'].map((name) => ({ name, mountPath: `/${name}` }));
      const containers = [{ name: 'c', image: 'web:1', volumeMounts }];
      const nodeSelector = { 'kubernetes.io/hostname': node };
      const podTemplate = { metadata: { labels: { app: node } }, spec: { containers, volumes, nodeSelector } };
      await client.resource(StatefulSet).create({
        metadata: where(`set-${node}`),
        spec: { selector: { matchLabels: { app: node } }, template: podTemplate, serviceName: 'x', volumeClaimTemplates },
      });
    }
    const runs = async (name: string) => (await client.resource(Pod).find(where(name)))?.status?.phase === 'Running';

    await eventually(async () => (await runs('set-a-0')) && (await runs('set-b-0')));
    const { items } = await client.resource(Event).list({ namespace: 'default' });
    const kubelet = own.clientAs({ name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] });

    expect(items.filter(({ message }) => message?.includes('forbidden'))).toEqual([]);
    expect(await kubelet.resource(Secret).get(where('of-a'))).toBeDefined();
    await expect(kubelet.resource(Secret).get(where('of-b'))).rejects.toThrow('no relationship found between node');
    await expect(kubelet.resource(Pod).list({ namespace: 'default' })).rejects.toMatchObject({ reason: 'Forbidden' });
    expect((await client.resource(Node).get({ name: 'a' })).metadata?.labels).toHaveProperty(['node-role.kubernetes.io/x']);
  });

  it('are reported when they lack a right', async () => {
    const poor = await startCluster({ nodes: 0 });
    await poor.client
      .resource(ClusterRole)
      .patch({ name: 'system:controller:service-account-controller' }, 'merge', { rules: null });
    await poor.client.resource(Namespace).create({ metadata: { name: namespace } });

    const [problem] = await eventually(() => poor.problems.length > 0 && poor.problems);

    expect(problem).toMatch(/service-account-controller" cannot create resource "serviceaccounts"/);
    await expect(poor.close()).rejects.toThrow(/cannot create/);
  });
});
