import { globSync } from 'node:fs';
import { SystemClock } from '@keelson/base';
import { removePods } from '@keelson/runtime';
import { FOREVER, outputOf } from '@keelson/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerAvailable } from './docker-available.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { NODE, ownPort, runScript, sandboxConfig } from './testing/pods.ts';
import { noEngine, testEngine, unless, type TestEngine } from './testing/private-engine.ts';

const OTHER_NODE = `${NODE}-other`;

describe.skipIf(noEngine)(unless('DockerRuntime', noEngine), () => {
  let engine: TestEngine;
  let runtime: DockerRuntime;
  const open = (cluster?: string) =>
    new DockerRuntime({
      clock: new SystemClock(),
      host: engine.host,
      cgroupRoot: engine.cgroupRoot,
      ...(cluster !== undefined && { cluster }),
    });

  beforeAll(async () => {
    engine = await testEngine();
    runtime = open();
  });
  afterAll(async () => {
    await removePods(runtime, [NODE, OTHER_NODE]);
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  });

  it('says that an engine is there, and where its pods reach the node', async () => {
    expect(await dockerAvailable(engine.host)).toMatchObject({ available: true });
    expect(await runtime.info()).toMatchObject({
      name: 'docker',
      podNetwork: true,
      hostAddress: expect.stringMatching(/^\d+\./),
    });
  });

  it('mounts the root of the machine, with the engine’s own files in it', async () => {
    const mounts = [{ hostPath: '/', containerPath: '/host', readOnly: true }];
    const { id } = await runScript(runtime, FOREVER, { container: { mounts } });

    expect(await outputOf(runtime, id, 'ls', '/host/etc/hostname')).toBe('/host/etc/hostname');
  });

  it('opens ports of the node', async () => {
    const hostPort = ownPort();
    const portMappings = [{ protocol: 'TCP' as const, containerPort: 8080, hostPort, hostIp: '127.0.0.1' }];
    await runScript(runtime, 'echo open > /tmp/index.html; exec httpd -f -p 8080 -h /tmp', { sandbox: { portMappings } });

    const fetched = async () => (await fetch(`http://127.0.0.1:${hostPort}/`)).text();
    await expect.poll(() => fetched().catch(() => '')).toBe('open\n');
  });

  it('finds its pods again after a restart, and nobody else’s', async () => {
    const { id, sandbox } = await runScript(runtime, FOREVER, { container: { annotations: { hash: '1' } } });
    const next = open();

    expect((await next.listSandboxes(undefined, { podUid: sandbox.pod.uid })).map((each) => each.id)).toEqual([sandbox.id]);
    expect(await next.listContainers(undefined, { podUid: sandbox.pod.uid })).toMatchObject([
      { id, pod: sandbox.pod, state: 'running', annotations: { hash: '1' } },
    ]);
    await next.close();
  });

  it('neither sees nor removes the pods of another cluster on the same engine', async () => {
    const { id, sandbox } = await runScript(runtime, FOREVER);
    const stranger = open('another');
    const own = await stranger.runSandbox(sandboxConfig());

    expect((await stranger.listSandboxes()).map((each) => each.id)).toEqual([own.id]);
    expect(await stranger.listContainers()).toEqual([]);
    expect((await runtime.listSandboxes()).map((each) => each.id)).not.toContain(own.id);
    expect(await removePods(stranger)).toBe(1);
    expect((await runtime.containerStatus(id)).state).toBe('running');
    expect((await runtime.listSandboxes()).map((each) => each.id)).toContain(sandbox.id);
    await stranger.close();
  });

  it('removes the pods of one node, and their cgroups', async () => {
    const other = sandboxConfig({ labels: { 'io.keelson.node': OTHER_NODE } });
    const sandbox = await runtime.runSandbox(other);
    const stays = await runtime.runSandbox(sandboxConfig());

    const count = await removePods(runtime, [OTHER_NODE]);

    const ids = (await runtime.listSandboxes()).map(({ id }) => id);
    expect(count).toBe(1);
    expect(ids).not.toContain(sandbox.id);
    expect(ids).toContain(stays.id);
    expect(cgroupsOf(other.pod.uid)).toEqual([]);
  });
});

function cgroupsOf(podUid: string): readonly string[] {
  return globSync(`/sys/fs/cgroup/{.,*}/keelson-test-${process.pid}/kubepods/besteffort/pod${podUid}`);
}

it('says why there is no engine', async () => {
  expect(await dockerAvailable('unix:///nowhere/docker.sock')).toMatchObject({
    available: false,
    why: expect.stringContaining('unix:///nowhere/docker.sock does not answer'),
  });
});
