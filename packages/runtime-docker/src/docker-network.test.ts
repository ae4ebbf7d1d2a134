import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { SystemClock } from '@keelson/base';
import type { CniNetwork } from '@keelson/runtime/cni';
import { FOREVER, outputOf } from '@keelson/runtime/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { noCni, TestNetwork } from './testing/pod-network.ts';
import { containerConfig, ownPort, runScript, sandboxConfig } from './testing/pods.ts';
import { noPrivateEngine, PrivateEngine, unless } from './testing/private-engine.ts';

const run = promisify(execFile);
const obstacle = noPrivateEngine ?? noCni;

describe.skipIf(obstacle)(unless('pods on Docker whose network is CNI’s', obstacle), () => {
  let engine: PrivateEngine;
  let testNetwork: TestNetwork;
  let network: CniNetwork;
  let runtime: DockerRuntime;

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    testNetwork = await TestNetwork.make();
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await testNetwork[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    network = await testNetwork.open();
    runtime = start();
  });
  afterEach(async () => {
    for (const { id } of await runtime.listSandboxes()) await runtime.removeSandbox(id);
    await runtime.close();
  });

  const start = () =>
    new DockerRuntime({
      clock: new SystemClock(),
      host: engine.host,
      podNetwork: network,
      cgroupRoot: engine.cgroupRoot,
    });
  const find = async (id: string) => (await runtime.listSandboxes()).find((sandbox) => sandbox.id === id);

  it('gives a pod an address out of the node’s range, which it keeps while its containers come and go', async () => {
    const { sandbox, id } = await runScript(runtime, FOREVER);
    await runtime.stopContainer(id, 0);
    const second = await runtime.createContainer(sandbox.id, containerConfig(FOREVER, { attempt: 1 }));
    await runtime.startContainer(second);

    const [ip = ''] = sandbox.ips;
    expect(ip.startsWith(testNetwork.podCidr.replace(/0\/24$/, ''))).toBe(true);
    expect(await outputOf(runtime, second, 'ip', '-4', '-o', 'addr', 'show', 'eth0')).toContain(`inet ${ip}/24`);
    expect(await outputOf(runtime, second, 'cat', '/etc/hosts')).toContain(`${ip}\t${sandbox.pod.name}`);
    expect(await find(sandbox.id)).toMatchObject({ state: 'ready', ips: [ip] });
  });

  it('lets pods reach each other and the node, and opens ports of the node for as long as a pod is there', async () => {
    const hostPort = ownPort();
    const portMappings = [{ protocol: 'TCP', containerPort: 8080, hostPort }] as const;
    const serve = 'echo open > /tmp/index.html; exec httpd -f -p 8080 -h /tmp';
    const server = await runScript(runtime, serve, { sandbox: { portMappings } });
    const client = await runScript(runtime, FOREVER);
    const [ip = ''] = server.sandbox.ips;
    const gateway = testNetwork.podCidr.replace(/0\/24$/, '1');
    const get = (url: string) => outputOf(runtime, client.id, 'timeout', '60', 'wget', '-qO-', url);

    await expect.poll(() => get(`http://${ip}:8080/`)).toBe('open');
    await expect.poll(() => get(`http://${gateway}:${hostPort}/`)).toBe('open');
    await runtime.stopSandbox(server.sandbox.id);
    const { stdout: rules } = await run('iptables', ['-t', 'nat', '-S']);

    expect(rules).not.toContain(`--dport ${hostPort}`);
    expect(await network.find(server.sandbox.id)).toBeUndefined();
  });

  it('leaves a pod on the node’s network alone', async () => {
    const { sandbox, id } = await runScript(runtime, FOREVER, { sandbox: { hostNetwork: true } });

    expect(sandbox).toMatchObject({ state: 'ready', ips: [] });
    expect(await network.find(sandbox.id)).toBeUndefined();
    expect(await outputOf(runtime, id, 'ip', '-o', 'link')).toContain(': lo:');
  });

  it('knows pods again after a crash, and gives up the networks of those that are gone', async () => {
    const kept = await runScript(runtime, FOREVER);
    const lost = await runScript(runtime, FOREVER);
    await runtime.close();
    const removed = await askEngine(engine.host, 'DELETE', `/containers/${lost.sandbox.id}?force=1`);
    network = await testNetwork.open();
    runtime = start();
    runtime.events$.subscribe();

    await expect.poll(() => network.find(lost.sandbox.id)).toBeUndefined();

    expect(removed).toBe(204);
    expect(await find(kept.sandbox.id)).toMatchObject({ state: 'ready', ips: kept.sandbox.ips });
  });

  it('gives up the network of a pod that somebody removes by hand', async () => {
    runtime.events$.subscribe();
    const { sandbox } = await runScript(runtime, FOREVER);
    const other = await runtime.runSandbox(sandboxConfig());

    await askEngine(engine.host, 'DELETE', `/containers/${sandbox.id}?force=1`);

    await expect.poll(() => network.find(sandbox.id)).toBeUndefined();
    expect(await network.find(other.id)).toBeDefined();
  });

  it('does not take a pod for one that works whose network was never finished', async () => {
    const { sandbox } = await runScript(runtime, FOREVER);
    await network.remove(sandbox.id);

    expect(await find(sandbox.id)).toMatchObject({ state: 'not-ready', ips: [] });
  });

  it('leaves nothing of a pod whose network could not be made', async () => {
    await network.setPodCidrs([]);

    await expect(runtime.runSandbox(sandboxConfig())).rejects.toMatchObject({ reason: 'ServiceUnavailable' });

    expect((await runtime.info()).network).toMatchObject({ ready: false, reason: 'NetworkPluginNotReady' });
    expect(await runtime.listSandboxes()).toEqual([]);
    await runtime.setPodCidrs([testNetwork.podCidr]);
    expect((await runtime.info()).network).toEqual({ ready: true });
  });
});

async function askEngine(host: string, method: string, path: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request({ socketPath: host.replace('unix://', ''), method, path }, (response) => {
    text(response).then(() => resolve(response.statusCode), reject);
  })
    .on('error', reject)
    .end();
  return promise;
}
