import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Node, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { createClient } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explain } from './proxy-commands.ts';

describe('keelson proxy explain', () => {
  let server: TestApiServer;
  let directory: string;
  let kubeconfig: string;

  beforeEach(async () => {
    server = await startTestApiServer({ http: true });
    directory = await mkdtemp(join(tmpdir(), 'keelson-explain-'));
    kubeconfig = join(directory, 'config');
    const cluster = `clusters: [{ name: c, cluster: { server: '${server.url}' } }]`;
    const context = `contexts: [{ name: c, context: { cluster: c, user: c } }]\nusers: [{ name: c, user: {} }]`;
    await writeFile(kubeconfig, `apiVersion: v1\nkind: Config\n${cluster}\n${context}\ncurrent-context: c\n`);
  });
  afterEach(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  const addNode = (name: string, zone: string) =>
    createClient(server.transport)
      .resource(Node)
      .create({ metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } } });

  it('prints the path of a packet by the mode that is asked for, out of what a cluster holds', async () => {
    const client = createClient(server.transport);
    await addNode('node-a', 'zone-a');
    await client.resource(Service).create({
      metadata: { name: 'web', namespace: 'kube-system' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await client.resource(EndpointSlice).create({
      metadata: { name: 'web-1', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.244.0.5'], nodeName: 'node-a', conditions: { ready: true } },
        { addresses: ['10.244.0.6'], nodeName: 'node-a', conditions: { ready: false } },
      ],
    });

    const text = await explain('kube-system/web', { kubeconfig, proxyMode: 'nftables', namespace: 'default' });

    expect(text).toMatch(/^Service kube-system\/web \(ClusterIP\), IPv4, on node "node-a" in zone "zone-a" by nftables\n/);
    expect(text).toContain('→ goto to-1');
    expect(text).toContain('10.244.0.5:8080: used: ready, on this node');
    expect(text).toContain('10.244.0.6:8080: left out: not ready and not serving, on this node');
  });

  it('asks for the node where it can not tell', async () => {
    await addNode('node-a', 'zone-a');
    await addNode('node-b', 'zone-b');
    await createClient(server.transport)
      .resource(Service)
      .create({ metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ port: 80 }] } });

    await expect(explain('web', { kubeconfig, proxyMode: 'ipvs', namespace: 'default' })).rejects.toThrow(
      'add --node, with one of: node-a, node-b',
    );
    expect(await explain('web', { kubeconfig, proxyMode: 'ipvs', namespace: 'default', node: 'node-b' })).toContain('zone-b');
  });
});
