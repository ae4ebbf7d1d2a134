import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SubjectAccessReview } from '@keelson/api/authorization/v1';
import { DaemonSet, Deployment, StatefulSet } from '@keelson/api/apps/v1';
import { CronJob, Job } from '@keelson/api/batch/v1';
import { Event, Namespace, Node, Pod, Secret, Service, ServiceAccount } from '@keelson/api/core/v1';
import { Lease } from '@keelson/api/coordination/v1';
import { API_SERVER, type RequestInterceptor } from '@keelson/api-server';
import { errorMessage, isReason, silentLogger as logger, SystemClock } from '@keelson/base';
import { createClient, exec, httpsTransport, loadKubeconfig, logs, type Client } from '@keelson/client';
import { eventually } from '@keelson/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from './cluster/cluster.ts';
import { settle } from './settings.ts';

const namespace = 'shop';
const ADMIN = 'kubernetes-admin';
const simulated = { runtime: 'sim', store: 'memory', port: 0, nodes: 2, dns: 'on', ingress: true } as const;

describe('the parts of a cluster, each with the rights of its own', () => {
  let dataDir: string;
  let cluster: Cluster;
  let client: Client;
  /** Who has asked for anything, and what was refused to whom. */
  const users = new Map<string, readonly string[]>();
  const refused: string[] = [];

  const interceptor: RequestInterceptor = async ({ request: { user } }, next) => {
    users.set(user.name, user.groups);
    try {
      return await next();
    } catch (error) {
      if (user.name !== ADMIN && isReason(error, 'Forbidden', 'Unauthorized')) refused.push(errorMessage(error));
      throw error;
    }
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-rights-'));
    const ports = { ingressHttpPort: 0, ingressHttpsPort: 0 };
    const { settings, reachable } = await settle({ ...simulated, ...ports, dataDir });
    cluster = new Cluster(settings, reachable, {
      clock: new SystemClock(),
      logger,
      configure: (container) =>
        container.onActivation(API_SERVER, (_context, server) => {
          server.extend({ interceptors: [interceptor] });
          return server;
        }),
    });
    await cluster.start(AbortSignal.timeout(60_000));
    client = createClient(httpsTransport(loadKubeconfig(settings.kubeconfig)));
  });

  afterAll(async () => {
    await client.transport.close();
    await cluster.stop();
    await rm(dataDir, { recursive: true });
  });

  const labels = { app: 'web' };
  const selector = { matchLabels: labels };
  const named = (name: string) => ({ name, namespace });

  async function makeWorkloads(): Promise<void> {
    await client.resource(Namespace).create({ metadata: { name: namespace } });
    await eventually(() => client.resource(ServiceAccount).find(named('default')));
    await client.resource(Secret).create({ metadata: named('s'), stringData: { password: 'x' } });
    const env = [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 's', key: 'password' } } }];
    const containers = [{ name: 'c', image: 'web:1', env }];
    const template = { metadata: { labels }, spec: { containers } };
    const once = { spec: { containers: [{ name: 'c', image: 'busybox', command: ['true'] }], restartPolicy: 'Never' as const } };
    await client.resource(Service).create({ metadata: named('web'), spec: { selector: labels, ports: [{ port: 80 }] } });
    await client.resource(Deployment).create({ metadata: named('d'), spec: { selector, template, replicas: 2 } });
    await client.resource(DaemonSet).create({ metadata: named('ds'), spec: { selector, template } });
    await client.resource(Job).create({ metadata: named('j'), spec: { template: once, ttlSecondsAfterFinished: 600 } });
    const jobTemplate = { spec: { template: once } };
    await client.resource(CronJob).create({ metadata: named('cron'), spec: { schedule: '* * * * *', jobTemplate } });
    const resources = { requests: { storage: '1Mi' } };
    const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources } }];
    const mounted = {
      ...template,
      spec: { containers: [{ name: 'c', image: 'web:1', volumeMounts: [{ name: 'data', mountPath: '/d' }] }] },
    };
    await client
      .resource(StatefulSet)
      .create({ metadata: named('db'), spec: { selector, template: mounted, serviceName: 'web', volumeClaimTemplates } });
  }

  it('do all that they do, and are refused nothing', async () => {
    await makeWorkloads();
    await eventually(async () => {
      const { items } = await client.resource(Pod).list({ namespace, labelSelector: 'app=web' });
      return items.length === 5 && items.every(({ status }) => status?.phase === 'Running');
    });
    await eventually(async () => ((await client.resource(Job).get(named('j'))).status?.succeeded ?? 0) > 0);

    const pod = named('db-0');
    const written: Buffer[] = [];
    for await (const chunk of await logs(client, pod)) written.push(Buffer.from(chunk));
    const process = await exec(client, { ...pod, command: ['env'] });
    process.stdout?.resume();
    const code = await process.exitCode;
    const top = await eventually(async () => {
      const path = '/apis/metrics.k8s.io/v1beta1/nodes';
      const { items } = (await client.transport.request({ method: 'GET', path })).body as { items: unknown[] };
      return items.length === 2 && items;
    });
    await client
      .resource(Pod)
      .subresource(pod, { subresource: 'eviction', method: 'POST', body: { metadata: { name: 'db-0' } } });
    await eventually(() => client.resource(Lease).find({ name: 'node-2', namespace: 'kube-node-lease' }));
    const { items: events } = await client.resource(Event).list();
    await client.resource(Namespace).delete({ name: namespace });
    await eventually(async () => (await client.resource(Namespace).find({ name: namespace })) === undefined);

    expect({ code, nodes: top.length }).toEqual({ code: 0, nodes: 2 });
    expect(events.filter(({ message }) => message?.includes('forbidden'))).toEqual([]);
    // What is created while its namespace goes is refused, as it should be.
    expect(refused.filter((message) => !message.includes('is being terminated'))).toEqual([]);
  });

  it('are nodes that see nothing of each other', async () => {
    const ask = async (resourceAttributes: object): Promise<boolean> => {
      const spec = { user: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'], resourceAttributes };
      return (await client.resource(SubjectAccessReview).create({ spec })).status?.allowed === true;
    };
    const fieldSelector = { rawSelector: 'spec.nodeName=node-1' };
    const answers = [
      ask({ verb: 'list', resource: 'pods', fieldSelector }),
      ask({ verb: 'list', resource: 'pods' }),
      ask({ verb: 'get', resource: 'nodes', name: 'node-2' }),
      ask({ verb: 'list', resource: 'secrets', namespace: 'kube-system' }),
      ask({ verb: 'create', resource: 'persistentvolumes' }),
    ];

    expect(await Promise.all(answers)).toEqual([true, false, false, false, false]);
  });

  it('act as they would in any cluster, and none but the API server and the administrator as one who may do everything', async () => {
    const masters = [...users].filter(([, groups]) => groups.includes('system:masters')).map(([name]) => name);

    expect(masters.filter((name) => name !== ADMIN && name !== 'system:apiserver')).toEqual([]);
    expect([...users.keys()]).toEqual(
      expect.arrayContaining([
        'system:node:node-1',
        'system:node:node-2',
        'system:kube-scheduler',
        'system:kube-controller-manager',
        'system:serviceaccount:kube-system:deployment-controller',
        'system:serviceaccount:kube-system:local-path-provisioner',
      ]),
    );
    const { metadata } = await client.resource(Node).get({ name: 'node-1' });
    expect(metadata?.managedFields?.map(({ manager }) => manager)).toContain('kubelet');
  });
});
