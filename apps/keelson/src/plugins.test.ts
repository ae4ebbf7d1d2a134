import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nameOf } from '@keelson/api';
import { ConfigMap, Pod, Service } from '@keelson/api/core/v1';
import { ADMISSION_MUTATOR, ADMISSION_VALIDATOR, type AdmissionMutator, type AdmissionValidator } from '@keelson/api-server';
import { KeelsonError, silentLogger as logger, SystemClock } from '@keelson/base';
import { createClient, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';
import { defineController } from '@keelson/controller-runtime';
import { CONTROLLER_FACTORY, type NamedController } from '@keelson/controllers';
import { PROXY_MODE, type ProxyMode } from '@keelson/proxy';
import { CONTAINER_RUNTIME, SimulatedRuntime, type ContainerConfig } from '@keelson/runtime';
import { SCHEDULER_PLUGIN, type Plugin } from '@keelson/scheduler';
import { MemoryStore, STORE, type Guard, type Revision, type Write } from '@keelson/store';
import { eventually } from '@keelson/testing';
import type { Container } from 'inversify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from './cluster/cluster.ts';
import { settle } from './settings.ts';

const clock = new SystemClock();
const namespace = 'default';

const lastNode: Plugin = { name: 'LastNode', filter: (_state, _pod, { node }) => refusalOf(nameOf(node ?? {})) };
const refusalOf = (node: string) => (node === 'node-2' ? undefined : { reason: 'not the last node', preemptable: false });

const namesTeam: AdmissionMutator = {
  name: 'NamesTeam',
  async mutate({ object, resource }) {
    if (resource.resource !== 'pods') return object;
    return { ...object, metadata: { ...object.metadata, labels: { team: 'blue', ...object.metadata?.labels } } };
  },
};

const noLatest: AdmissionValidator = {
  name: 'NoLatest',
  async validate({ object, resource }) {
    const images = resource.resource === 'pods' ? ((object as Pod).spec?.containers ?? []).map(({ image }) => image) : [];
    if (images.some((image) => image?.endsWith(':latest'))) throw new KeelsonError('Forbidden', 'Images need a version');
  },
};

const greeter: NamedController = {
  name: 'greeter',
  create: (world) =>
    defineController(
      {
        for: ConfigMap,
        select: { labelSelector: 'greet' },
        async reconcile(map, { client }) {
          const { name = '' } = map.metadata ?? {};
          await client.resource(ConfigMap).patch({ name, namespace }, 'merge', { data: { greeting: `Hello, ${name}` } });
        },
      },
      world,
    ),
};

class CountingStore extends MemoryStore {
  commits = 0;

  override commit(writes: readonly Write[], guards?: readonly Guard[]): Promise<Revision> {
    this.commits += 1;
    return super.commit(writes, guards);
  }
}

/** By all nodes. */
const created: string[] = [];

class NotingRuntime extends SimulatedRuntime {
  override createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    created.push(config.name);
    return super.createContainer(sandboxId, config);
  }
}

class NotingMode implements ProxyMode {
  readonly name = 'noting';
  readonly served = new Set<string>();

  async sync(...[desired]: Parameters<ProxyMode['sync']>): ReturnType<ProxyMode['sync']> {
    for (const key of desired.keys()) this.served.add(key);
    return { changed: true, problems: [] };
  }

  async close(): Promise<void> {}
  async cleanup(): Promise<void> {}
}

describe('one binding', () => {
  const store = new CountingStore({ clock });
  const mode = new NotingMode();
  let dataDir: string;
  let cluster: Cluster;
  let client: Client;

  /** What docs/guides/plugins.md tells, line by line. */
  function configure(container: Container): void {
    container.rebind(STORE).toConstantValue(store);
    container.bind(ADMISSION_MUTATOR).toConstantValue(namesTeam);
    container.bind(ADMISSION_VALIDATOR).toConstantValue(noLatest);
    container.bind(CONTROLLER_FACTORY).toConstantValue(greeter);
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'root-ca-certificate-publisher-controller', create: undefined });
    container.bind(SCHEDULER_PLUGIN).toConstantValue(lastNode);
    container.bind(CONTAINER_RUNTIME).toDynamicValue(() => new NotingRuntime({ clock }));
    container.bind(PROXY_MODE).toConstantValue(mode);
  }

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-plugins-'));
    const { settings, reachable } = await settle({ runtime: 'sim', store: 'memory', port: 0, nodes: 2, dataDir });
    cluster = new Cluster(settings, reachable, { clock, logger, configure });
    await cluster.start(AbortSignal.timeout(60_000));
    client = createClient(httpsTransport(loadKubeconfig(settings.kubeconfig)));
    await client.resource(Pod).create(podOf('web', 'web:1'));
  }, 90_000);

  afterAll(async () => {
    await client.transport.close();
    await cluster.stop();
    await rm(dataDir, { recursive: true });
  });

  const podOf = (name: string, image: string): Pod => ({
    metadata: { name, namespace, labels: { app: name } },
    // Tokens come with the ConfigMap that nobody publishes here.
    spec: { containers: [{ name: 'main', image }], automountServiceAccountToken: false },
  });

  it('swaps the store', () => {
    expect(store.commits).toBeGreaterThan(0);
  });

  it('adds admission that changes objects, and that refuses them', async () => {
    const { metadata } = await client.resource(Pod).get({ name: 'web', namespace });

    expect(metadata?.labels).toEqual({ app: 'web', team: 'blue' });
    await expect(client.resource(Pod).create(podOf('late', 'web:latest'))).rejects.toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining('Images need a version') as string,
    });
  });

  it('adds a controller', async () => {
    await client.resource(ConfigMap).create({ metadata: { name: 'ada', namespace, labels: { greet: '' } } });

    const greeting = await eventually(
      async () => (await client.resource(ConfigMap).get({ name: 'ada', namespace })).data?.['greeting'],
    );
    expect(greeting).toBe('Hello, ada');
  });

  it('leaves a controller out', async () => {
    expect((await client.resource(ConfigMap).list({ namespace })).items.map(nameOf)).not.toContain('kube-root-ca.crt');
  });

  it('adds a scheduler plugin', async () => {
    const node = await eventually(async () => (await client.resource(Pod).get({ name: 'web', namespace })).spec?.nodeName);

    expect(node).toBe('node-2');
  });

  it('swaps the container runtime of all nodes', async () => {
    await eventually(async () => (await client.resource(Pod).get({ name: 'web', namespace })).status?.phase === 'Running');

    expect(created).toContain('main');
  });

  it('swaps the proxy mode, whatever the flag says', async () => {
    await client
      .resource(Service)
      .create({ metadata: { name: 'web', namespace }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } });

    expect(await eventually(() => [...mode.served].some((key) => key.startsWith('default/web')))).toBe(true);
  });
});
