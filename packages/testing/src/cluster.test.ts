import { eventually } from '@keelson/base/testing';
import { findCondition } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { Namespace, Node, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { createClient, httpsTransport, parseKubeconfig, type Client } from '@keelson/client';
import { describe, expect, it } from 'vitest';
import { startCluster } from './cluster.ts';

/** More than half of a node. */
const resources = { requests: { cpu: '20' } };
const containers = [{ name: 'c', image: 'web:1', resources }];

function deploy(client: Client, replicas: number): Promise<Deployment> {
  const labels = { app: 'web' };
  const spec = { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
  return client.resource(Deployment).create({ metadata: { name: 'web', namespace: 'default' }, spec });
}

describe('startCluster', () => {
  it('runs a deployment whose pods need a node each', async () => {
    await using cluster = await startCluster({ nodes: 3 });
    await deploy(cluster.client, 3);

    const deployment = await eventually(async () => {
      const found = await cluster.client.resource(Deployment).get({ name: 'web', namespace: 'default' });
      return found.status?.availableReplicas === 3 && found;
    });

    expect(findCondition(deployment.status?.conditions, 'Available')?.status).toBe('True');
    const pods = (await cluster.client.resource(Pod).list({ namespace: 'default' })).items;
    expect(new Set(pods.map(({ spec }) => spec?.nodeName))).toEqual(new Set(cluster.runtimes.keys()));
  });

  it('makes volumes for the claims of pods', async () => {
    await using cluster = await startCluster({ volumes: true });
    const [pods, claims] = [cluster.client.resource(Pod), cluster.client.resource(PersistentVolumeClaim)];
    const metadata = { name: 'data', namespace: 'default' };
    const storage = { requests: { storage: '1Gi' } };
    await claims.create({ metadata, spec: { accessModes: ['ReadWriteOnce'], resources: storage } });
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    await pods.create({ metadata, spec: { containers: [{ name: 'c', image: 'web:1' }], volumes } });

    await eventually(async () => (await pods.get(metadata)).status?.phase === 'Running');

    expect((await claims.get(metadata)).status?.phase).toBe('Bound');
  });

  it('leaves out what is not wanted', async () => {
    await using cluster = await startCluster({ nodes: 0, controllers: false, scheduler: false });
    await deploy(cluster.client, 1);
    const pod = await cluster.client
      .resource(Pod)
      .create({ metadata: { name: 'a', namespace: 'default' }, spec: { containers } });

    expect(pod.spec?.nodeName).toBeUndefined();
    expect((await cluster.client.resource(Node).list()).items).toEqual([]);
    expect(cluster.url).toBeUndefined();
  });

  it('serves HTTPS to who has its kubeconfig', async () => {
    await using cluster = await startCluster({ nodes: 0, http: true });

    const client = createClient(httpsTransport(parseKubeconfig(cluster.kubeconfig())));

    expect((await client.resource(Namespace).get({ name: 'default' })).metadata?.name).toBe('default');
  });

  it('leaves no timer, socket or server behind', async () => {
    const kinds = (): string[] =>
      process
        .getActiveResourcesInfo()
        .filter((kind) => /Timeout|TCP|TLS|Immediate/.test(kind))
        .toSorted();
    const before = kinds();
    const cluster = await startCluster({ nodes: 2, http: true });
    await deploy(cluster.client, 2);

    await cluster.close();
    await cluster.close();

    await eventually(() => kinds().length <= before.length);
  });
});

describe('eventually', () => {
  it('gives up with what went wrong last', async () => {
    const failing = eventually(() => Promise.reject(new Error('no such thing')), { timeoutMs: 30 });

    await expect(failing).rejects.toMatchObject({ reason: 'Timeout', message: expect.stringContaining('no such thing') });
  });
});
