import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@keelson/base';
import type { SandboxStatus } from '@keelson/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerAvailable } from './docker-available.ts';
import { DockerRuntime } from './docker-runtime.ts';
import { removePods } from './remove-pods.ts';
import { containerConfig, FOREVER, NODE, outputOf, runScript, sandboxConfig } from './testing/pods.ts';
import { noEngine, testEngine, unless } from './testing/private-engine.ts';

const OTHER_NODE = `${NODE}-other`;
const WAIT = { timeout: 15_000, interval: 20 };

describe.skipIf(noEngine)(unless('DockerRuntime', noEngine), () => {
  let engine: { readonly host: string } & AsyncDisposable;
  let runtime: DockerRuntime;
  /** For containers that need no pod of their own. */
  let box: SandboxStatus;
  const open = (cluster?: string) =>
    new DockerRuntime({
      clock: new SystemClock(),
      host: engine.host,
      cgroupRoot: `keelson-test-${process.pid}`,
      ...(cluster !== undefined && { cluster }),
    });
  const ended = async (id: string) => {
    await expect.poll(async () => (await runtime.containerStatus(id)).state, WAIT).toBe('exited');
    return runtime.containerStatus(id);
  };

  beforeAll(async () => {
    engine = await testEngine();
    runtime = open();
    box = await runtime.runSandbox(sandboxConfig());
  }, 120_000);
  afterAll(async () => {
    await removePods(runtime, [NODE, OTHER_NODE]);
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  }, 120_000);

  it('says that an engine is there, and where its pods reach the node', async () => {
    expect(await dockerAvailable(engine.host)).toMatchObject({ available: true });
    expect(await runtime.info()).toMatchObject({
      name: 'docker',
      podNetwork: true,
      hostAddress: expect.stringMatching(/^\d+\./),
    });
  });

  it.each(['/nosuch', 'nosuch', '/etc'])('says why the program "%s" cannot be started', async (program) => {
    const config = containerConfig('', { name: `start${program.replace('/', '-')}`, command: [program] });
    const id = await runtime.createContainer(box.id, config);

    await expect(runtime.startContainer(id)).rejects.toMatchObject({ reason: 'BadRequest' });

    const status = await runtime.containerStatus(id);
    expect(status).toMatchObject({ state: 'exited', reason: 'ContainerCannotRun', message: expect.stringContaining(program) });
    expect([126, 127]).toContain(status.exitCode);
    expect((await runtime.listContainers()).find((each) => each.id === id)).toEqual(status);
  });

  it('says when a container was killed for using too much memory', async () => {
    const { id } = await runScript(runtime, 'x=a; while true; do x=$x$x; done', {
      in: box,
      container: { resources: { memoryLimitBytes: 8 * 1024 * 1024 } },
    });

    expect(await ended(id)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('gives a pod its name, its resolver and its hosts', async () => {
    const dns = { servers: ['10.96.0.10'], searches: ['a.svc.cluster.local', 'cluster.local'], options: ['ndots:5'] };
    const hostAliases = [{ ip: '10.1.2.3', hostnames: ['db', 'db.local'] }];
    const { id, sandbox } = await runScript(runtime, FOREVER, { sandbox: { hostname: 'my-pod', dns, hostAliases } });

    const hosts = (await outputOf(runtime, id, 'cat', '/etc/hosts')).split('\n').map((line) => line.split(/\s+/).join(' '));
    expect(await outputOf(runtime, id, 'hostname')).toBe('my-pod');
    expect(await outputOf(runtime, id, 'cat', '/etc/resolv.conf')).toBe(
      'search a.svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5',
    );
    expect(hosts).toEqual(expect.arrayContaining(['10.1.2.3 db', '10.1.2.3 db.local', `${sandbox.ips[0]} my-pod`]));
  });

  it('gives the containers of a pod one loopback address, and processes of their own', async () => {
    const { id, sandbox } = await runScript(
      runtime,
      'echo from a neighbour > /tmp/index.html; exec httpd -f -p 127.0.0.1:8080 -h /tmp',
    );
    const other = await runtime.createContainer(sandbox.id, containerConfig(FOREVER, { name: 'other' }));
    await runtime.startContainer(other);

    await expect.poll(() => outputOf(runtime, other, 'wget', '-qO-', 'http://127.0.0.1:8080/'), WAIT).toBe('from a neighbour');
    expect(await outputOf(runtime, other, 'ps')).not.toContain('httpd');
    expect(await outputOf(runtime, id, 'ps')).toContain('httpd');
  });

  it('lets containers see each other if the pod shares its processes', async () => {
    const { id } = await runScript(runtime, FOREVER, { sandbox: { shareProcessNamespace: true } });

    expect(await outputOf(runtime, id, 'ps')).toMatch(/^\s+1 \S+\s+\/pause$/m);
  });

  it('lets a container see the processes of another one, and nobody else’s', async () => {
    const { id: target, sandbox } = await runScript(runtime, 'exec httpd -f -p 127.0.0.1:8080 -h /tmp');
    const debug = await runtime.createContainer(
      sandbox.id,
      containerConfig(FOREVER, { name: 'debug', targetContainerId: target }),
    );
    await runtime.startContainer(debug);

    expect(await outputOf(runtime, debug, 'ps')).toMatch(/^\s+1 \S+\s+httpd/m);
    expect(await outputOf(runtime, debug, 'ps')).not.toContain('/pause');
  });

  it('mounts the root of the machine, with the engine’s own files in it', async () => {
    const mounts = [{ hostPath: '/', containerPath: '/host', readOnly: true }];
    const { id } = await runScript(runtime, FOREVER, { container: { mounts } });

    expect(await outputOf(runtime, id, 'ls', '/host/etc/hostname')).toBe('/host/etc/hostname');
  });

  it('opens ports of the node', async () => {
    const hostPort = 20_000 + (process.pid % 10_000);
    const portMappings = [{ protocol: 'TCP' as const, containerPort: 8080, hostPort, hostIp: '127.0.0.1' }];
    await runScript(runtime, 'echo open > /tmp/index.html; exec httpd -f -p 8080 -h /tmp', { sandbox: { portMappings } });

    const fetched = async () => (await fetch(`http://127.0.0.1:${hostPort}/`)).text();
    await expect.poll(() => fetched().catch(() => ''), WAIT).toBe('open\n');
  });

  it('mounts directories, for reading only if so asked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mount-'));
    await writeFile(join(directory, 'in'), 'words');
    const { id } = await runScript(runtime, FOREVER, {
      in: box,
      container: {
        mounts: [
          { hostPath: directory, containerPath: '/rw', readOnly: false },
          { hostPath: directory, containerPath: '/ro', readOnly: true },
        ],
      },
    });

    expect(await outputOf(runtime, id, 'cat', '/ro/in')).toBe('words');
    expect((await runtime.execSync(id, ['touch', '/ro/x'], 10_000)).exitCode).toBe(1);
    expect((await runtime.execSync(id, ['cp', '/rw/in', '/rw/out'], 10_000)).exitCode).toBe(0);
    expect(await readFile(join(directory, 'out'), 'utf8')).toBe('words');
    await rm(directory, { recursive: true });
  });

  it('runs a process as who it should be, with the rights it should have', async () => {
    const { id } = await runScript(runtime, FOREVER, {
      in: box,
      security: {
        user: '1000:3000',
        supplementalGroups: [2000],
        dropCapabilities: ['ALL'],
        noNewPrivileges: true,
        readOnlyRootFilesystem: true,
      },
    });

    expect(await outputOf(runtime, id, 'id')).toMatch(/^uid=1000 gid=3000 groups=(2000,3000|3000,2000)$/);
    const status = await outputOf(runtime, id, 'cat', '/proc/self/status');
    expect(status).toMatch(/^CapBnd:\s+0000000000000000$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect((await runtime.execSync(id, ['touch', '/x'], 10_000)).exitCode).toBe(1);
  });

  it('gives a privileged container what this machine has to give', async () => {
    const { id } = await runScript(runtime, FOREVER, { in: box, security: { privileged: true } });

    expect((await runtime.execSync(id, ['mount', '-t', 'tmpfs', 'none', '/tmp'], 10_000)).exitCode).toBe(0);
  });

  it('starts what asks to be killed last, also where the machine does not allow that', async () => {
    const { id } = await runScript(runtime, FOREVER, { in: box, container: { resources: { oomScoreAdj: -997 } } });

    expect(['0', '-997']).toContain(await outputOf(runtime, id, 'cat', '/proc/1/oom_score_adj'));
  });

  it('changes limits of a running container', async () => {
    const { id } = await runScript(runtime, FOREVER, {
      in: box,
      container: { resources: { memoryLimitBytes: 32 * 1024 * 1024 } },
    });

    await runtime.updateResources(id, { memoryLimitBytes: 64 * 1024 * 1024, cpuShares: 512 });

    const stats = (await runtime.stats()).find(({ containerId }) => containerId === id);
    expect(stats?.memoryUsageBytes).toBeGreaterThan(0);
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

  it('refuses a seccomp profile that it cannot find', async () => {
    const config = containerConfig(FOREVER);
    const security = { ...config.security, seccompProfile: 'mine.json' };

    await expect(runtime.createContainer(box.id, { ...config, security })).rejects.toMatchObject({ reason: 'BadRequest' });
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
