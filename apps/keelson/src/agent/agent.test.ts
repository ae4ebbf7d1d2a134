import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findCondition } from '@keelson/api';
import { Node, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { silentLogger as logger, SystemClock } from '@keelson/base';
import { createClient, exec, httpsTransport, loadKubeconfig, logs, type Client } from '@keelson/client';
import { certificatesIn, publicKeyPin } from '@keelson/pki';
import { eventually } from '@keelson/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { settle } from '../settings.ts';
import { createToken } from '../token-commands.ts';
import { AGENT_DEFAULTS, type AgentOptions } from './agent-options.ts';
import { Agent } from './agent.ts';

const namespace = 'default';
const clock = new SystemClock();
const NAMES = ['refused', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const ONE_GIB = { requests: { storage: '1Gi' } };
const INVITED_BY_NOBODY: Partial<AgentOptions> = { servers: [], token: undefined, caCertHashes: [] };

describe('keelson agent', () => {
  let root: string;
  let cluster: Cluster;
  let kubeconfig: string;
  let url: string;
  let client: Client;
  let pin: string;
  let token: string;
  const running = new Set<Agent>();

  /** The API server listens where it has listened before, at an address at which nobody else takes the port meanwhile. */
  async function startCluster(port: number): Promise<void> {
    const bindAddress = '127.0.0.50';
    const { settings, reachable } = await settle({ dataDir: join(root, 'cluster'), nodes: 0, bindAddress, port });
    cluster = new Cluster(settings, reachable, { clock, logger });
    await cluster.start(AbortSignal.timeout(60_000));
    ({ kubeconfig } = settings);
    ({ url } = cluster);
  }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'keelson-agent-'));
    await startCluster(0);
    const config = loadKubeconfig(kubeconfig);
    client = createClient(httpsTransport(config));
    pin = certificatesIn(config.ca ?? '').map(publicKeyPin)[0] ?? '';
    token = await newToken();
  });
  afterEach(async () => {
    for (const agent of running) await stop(agent);
  });
  afterAll(async () => {
    await client.transport.close();
    await cluster.stop();
    await rm(root, { recursive: true, force: true });
  });

  async function newToken(ttl = '1h', usages = ['signing', 'authentication']): Promise<string> {
    return (await createToken(undefined, { kubeconfig, ttl, usages, groups: [] })).trim();
  }

  function agentOf(nodeName: string, options: Partial<AgentOptions> = {}): Agent {
    const dataDir = join(root, nodeName);
    const invitation = { servers: [url], token, caCertHashes: [pin] };
    // As machines have them, each has an address of its own.
    const nodeIp = `127.0.0.${2 + NAMES.indexOf(nodeName)}`;
    const common = { ...AGENT_DEFAULTS, runtime: 'sim', port: 0, nodeName, nodeIp, dataDir } as const;
    const agent = new Agent({ ...common, ...invitation, ...options }, { clock, logger });
    running.add(agent);
    return agent;
  }

  async function start(nodeName: string, options?: Partial<AgentOptions>): Promise<Agent> {
    const agent = agentOf(nodeName, options);
    await agent.start(AbortSignal.timeout(60_000));
    return agent;
  }

  async function stop(agent: Agent): Promise<void> {
    running.delete(agent);
    await agent.stop();
  }

  const node = (name: string) => client.resource(Node).find({ name });
  const ready = (name: string) =>
    eventually(async () => {
      const found = await node(name);
      return findCondition(found?.status?.conditions, 'Ready')?.status === 'True' && found;
    });
  const pod = (name: string) => client.resource(Pod).get({ name, namespace });
  const runningPod = (name: string) =>
    eventually(async () => {
      const found = await pod(name);
      return found.status?.phase === 'Running' && found;
    });
  const makePod = (name: string, nodeName: string) =>
    client.resource(Pod).create({
      metadata: { name, namespace, annotations: { 'sim.keelson.dev/web.logs': `hello from ${name}` } },
      spec: { nodeName, containers: [{ name: 'web', image: 'web:1' }] },
    });
  /** What the kubelet says, which the API server believes by the certificate that the node has asked for. */
  const said = (name: string) =>
    eventually(async () => {
      const stream = await logs(client, { name, namespace }).catch(() => undefined);
      return stream && text(stream);
    });

  it('joins machines by a token, gives their pods addresses, and lets people look into them', async () => {
    await Promise.all([start('one'), start('two')]);
    const nodes = await Promise.all(['one', 'two'].map(ready));
    await Promise.all(['one', 'two'].map((name) => makePod(`on-${name}`, name)));
    const pods = await Promise.all(['one', 'two'].map((name) => runningPod(`on-${name}`)));
    const session = await eventually(() =>
      exec(client, { name: 'on-two', namespace, command: ['echo', 'it works'] }).catch(() => undefined),
    );

    const ranges = nodes.map(({ spec }) => spec?.podCIDR ?? '');
    expect(new Set(ranges).size).toBe(2);
    const prefixes = ranges.map((range) => range.replace(/0\/24$/, ''));
    expect(pods.map(({ status }, place) => status?.podIP?.startsWith(prefixes[place] ?? '?'))).toEqual([true, true]);
    expect(await said('on-one')).toBe('hello from on-one\n');
    expect(await text(session.stdout)).toBe('it works\n');
    expect(await session.exitCode).toBe(0);
  });

  it('starts again with nothing but its directory, and takes its containers up', async () => {
    const before = await start('three');
    await ready('three');
    await makePod('on-three', 'three');
    const { status } = await runningPod('on-three');
    await stop(before);

    await start('three', INVITED_BY_NOBODY);
    await client.resource(Pod).patch({ name: 'on-three', namespace }, 'merge', { metadata: { labels: { seen: 'again' } } });

    expect(await said('on-three')).toContain('hello');
    const { status: after } = await pod('on-three');
    expect(after?.containerStatuses).toEqual(status?.containerStatuses);
  });

  it('makes volumes for claims in its own directory', async () => {
    await start('eight');
    await ready('eight');
    const claim = { metadata: { name: 'data', namespace }, spec: { accessModes: ['ReadWriteOnce'], resources: ONE_GIB } };
    await client.resource(PersistentVolumeClaim).create(claim);
    await client.resource(Pod).create({
      metadata: { name: 'with-data', namespace },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': 'eight' },
        containers: [{ name: 'web', image: 'web:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    });
    await runningPod('with-data');

    const { spec } = await client.resource(PersistentVolumeClaim).get({ name: 'data', namespace });
    expect(await readdir(join(root, 'eight', 'volumes', 'eight'))).toEqual([spec?.volumeName]);
  });

  it('goes on while the API server is away, and can be started then', async () => {
    const servers = ['https://127.0.0.1:1', url];
    await start('four', { servers });
    const five = await start('five');
    await Promise.all(['four', 'five'].map(ready));
    await stop(five);
    await cluster.stop();

    const again = agentOf('five', INVITED_BY_NOBODY);
    const started = again.start(AbortSignal.timeout(120_000));
    await startCluster(Number(new URL(url).port));
    await started;
    await Promise.all(['four', 'five'].map((name) => makePod(`later-on-${name}`, name)));

    await Promise.all(['four', 'five'].map((name) => runningPod(`later-on-${name}`)));
  });

  it.each<{ title: string; options: () => Promise<Partial<AgentOptions>> | Partial<AgentOptions>; why: RegExp }>([
    { title: 'without an invitation', options: () => INVITED_BY_NOBODY, why: /add --server https.* and --token ID.SECRET and/ },
    { title: 'without a hash', options: () => ({ caCertHashes: [] }), why: /add --ca-cert-hash sha256:HEX, as printed by/ },
    {
      title: 'with the secret of no token',
      options: () => ({ token: `${token.slice(0, 6)}.ffffffffffffffff` }),
      why: /either this is not the secret of the token, or this is not the cluster/,
    },
    {
      title: 'with a token that is not for authentication',
      options: async () => ({ token: await newToken('1h', ['signing']) }),
      why: /The cluster does not let the token in: it is not for authentication/,
    },
    {
      title: 'with the hash of another authority',
      options: () => ({ caCertHashes: [`sha256:${'0'.repeat(64)}`] }),
      why: /Cannot trust https:.*: its authority is sha256:[0-9a-f]{64}, not sha256:0{64}/,
    },
    {
      title: 'of a cluster that is away',
      options: () => ({ servers: ['https://127.0.0.1:1'], joinTimeoutMs: 1 }),
      why: /could not join the cluster within 0.001 s/,
    },
    { title: 'under a name that no node can have', options: () => ({ nodeName: 'a_b' }), why: /cannot be called "a_b"/ },
  ])('refuses to join $title', async ({ options, why }) => {
    const settled = { dataDir: join(root, 'refused'), ...(await options()) };

    await expect(start('refused', settled)).rejects.toThrow(why);

    expect(await node('refused')).toBeUndefined();
    expect(await readdir(join(root, 'refused')).catch(() => [])).toEqual([]);
  });

  it('does not take the place of another machine, nor leave its cluster for another', async () => {
    const first = await start('six');
    await ready('six');

    await expect(start('six', { dataDir: join(root, 'other') })).rejects.toThrow('There is a node "six" in the cluster already');
    await stop(first);
    await expect(start('seven', { dataDir: join(root, 'six') })).rejects.toThrow('is of node "six", not of "seven"');
    await expect(start('six', { caCertHashes: [`sha256:${'0'.repeat(64)}`] })).rejects.toThrow('is of a cluster whose authority');
  });
});
