import { eventually } from '@keelson/base/testing';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { isReason } from '@keelson/base';
import { createClient, type Client, type WatchEvent } from '@keelson/client';
import { EtcdStore, etcdOptionsOf } from '@keelson/store-etcd';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const lab = join(root, 'tools/lab/etcd');
const name = `api-servers-${process.pid}`;
const MEMBERS = 3;
const SERVICES = 12;

const noEtcd = ((): string | undefined => {
  try {
    execFileSync('sh', ['-c', 'command -v etcd']);
    return undefined;
  } catch {
    return 'etcd is not installed (tools/lab/install etcd)';
  }
})();

/** Starts an etcd cluster; gives its URL, as `keelson up --store` takes it. */
function startEtcd(): string {
  const endpoints = execFileSync(lab, ['up', name, `${MEMBERS}`], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const tls = join(process.env['LAB_DIR'] ?? join(root, '.lab'), 'etcd', name, 'tls');
  const hosts = endpoints.map((endpoint) => new URL(endpoint).host).join(',');
  return `etcd://${hosts}?ca=${tls}/ca.crt&cert=${tls}/client.crt&key=${tls}/client.key`;
}

const configMap = (mapName: string, value = '0'): ConfigMap => ({
  metadata: { name: mapName, namespace: 'default' },
  data: { value },
});
const service = (serviceName: string, clusterIP?: string): Service => ({
  metadata: { name: serviceName, namespace: 'default' },
  spec: { ports: [{ port: 80 }], ...(clusterIP !== undefined && { clusterIP }) },
});

describe.skipIf(noEtcd)(noEtcd ?? 'two API servers over one etcd', () => {
  const servers: TestApiServer[] = [];
  let one: Client;
  let other: Client;

  beforeAll(async () => {
    const url = startEtcd();
    for (const namespaces of [['default'], []]) {
      const store = await EtcdStore.open({ ...(await etcdOptionsOf(url)), timeoutMs: 60_000 });
      // So few addresses that the servers get into each other's way.
      servers.push(await startTestApiServer({ store, namespaces, server: { serviceCidr: '10.0.0.0/28' } }));
    }
    const [first, second] = servers.map(({ transport }) => createClient(transport));
    if (first && second) [one, other] = [first, second];
  });
  afterAll(async () => {
    for (const server of servers) await server.close();
    execFileSync(lab, ['down', name]);
  });

  it('each list and get what the other has just written', async () => {
    for (let i = 0; i < 30; i++) {
      await one.resource(ConfigMap).create(configMap(`seen-${i}`));
      const { items } = await other.resource(ConfigMap).list({ namespace: 'default' });
      expect(items.map(({ metadata }) => metadata?.name)).toContain(`seen-${i}`);

      await other.resource(ConfigMap).update(configMap(`seen-${i}`, '1'));
      const seen = await one.resource(ConfigMap).get({ name: `seen-${i}`, namespace: 'default' });
      expect(seen.data).toEqual({ value: '1' });

      await one.resource(ConfigMap).delete({ name: `seen-${i}`, namespace: 'default' });
      expect(await other.resource(ConfigMap).find({ name: `seen-${i}`, namespace: 'default' })).toBeUndefined();
    }
  });

  it('wait for a version that a client has seen at the other', async () => {
    for (let i = 0; i < 20; i++) {
      const made = await one.resource(ConfigMap).create(configMap(`version-${i}`));
      const resourceVersion = made.metadata?.resourceVersion ?? '';
      const list = await other
        .resource(ConfigMap)
        .list({ namespace: 'default', resourceVersion, resourceVersionMatch: 'NotOlderThan' });

      expect(list.items.map(({ metadata }) => metadata?.name)).toContain(`version-${i}`);
    }
  });

  it('tell watchers what the other has written, in one order', async () => {
    const { metadata } = await other.resource(ConfigMap).list({ namespace: 'default' });
    const watches = [one, other].map((client) => {
      const seen: string[] = [];
      const show = ({ type, object }: WatchEvent<ConfigMap>): string =>
        `${type} ${object.metadata?.name} ${object.metadata?.resourceVersion}`;
      const { resourceVersion } = metadata;
      const events$ = client.resource(ConfigMap).watch({ namespace: 'default', resourceVersion });
      const subscription = events$.subscribe((events) => seen.push(...events.map(show)));
      return { seen, subscription };
    });

    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : other).resource(ConfigMap).create(configMap(`watched-${i}`))),
    );
    await eventually(() => watches.every(({ seen }) => seen.length === 40));
    for (const { subscription } of watches) subscription.unsubscribe();

    expect(watches[0]?.seen).toEqual(watches[1]?.seen);
  });

  it('let one of two updates of the same version through', async () => {
    const before = await one.resource(ConfigMap).create(configMap('contended'));
    for (let round = 0; round < 10; round++) {
      const current = await one.resource(ConfigMap).get({ name: 'contended', namespace: 'default' });
      const outcomes = await Promise.allSettled(
        [one, other].map((client, i) => client.resource(ConfigMap).update({ ...current, data: { value: `${round} ${i}` } })),
      );

      const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
      expect(refused.map(({ reason }) => isReason(reason, 'Conflict'))).toEqual([true]);
    }
    expect(before.metadata?.uid).toBeDefined();
  });

  it('give no address of a Service out twice, though they choose at the same time', async () => {
    const made = await Promise.all(
      Array.from({ length: SERVICES }, (_, i) => (i % 2 === 0 ? one : other).resource(Service).create(service(`s-${i}`))),
    );
    const addresses = made.map(({ spec }) => spec?.clusterIP);
    const rivals = await Promise.allSettled(
      [one, other, one, other].map((client, i) => client.resource(Service).create(service(`rival-${i}`, freeAddress(addresses)))),
    );

    expect(new Set(addresses).size).toBe(SERVICES);
    expect(rivals.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('go on while a member of etcd is killed', async () => {
    const names: string[] = [];
    const kill = (member: number): void => void execFileSync(lab, ['kill', name, `${member}`]);
    kill(0);
    for (let i = 0; i < 40; i++) {
      const client = i % 2 === 0 ? one : other;
      // What timed out may have been done or not; whoever wants to know reads.
      await client
        .resource(ConfigMap)
        .create(configMap(`killed-${i}`))
        .then(
          () => names.push(`killed-${i}`),
          (error: unknown) => expect(isReason(error, 'Timeout', 'ServiceUnavailable')).toBe(true),
        );
    }
    execFileSync(lab, ['start', name, '0']);
    const lists = await Promise.all([one, other].map((client) => client.resource(ConfigMap).list({ namespace: 'default' })));

    for (const { items } of lists) expect(items.map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(names));
    expect(names.length).toBeGreaterThan(30);
  });
});

function freeAddress(taken: readonly (string | undefined)[]): string {
  const all = Array.from({ length: 14 }, (_, i) => `10.0.0.${i + 1}`);
  return all.findLast((address) => !taken.includes(address)) ?? '';
}
