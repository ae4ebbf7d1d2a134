import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SystemClock } from '@keelson/base';
import type { ContainerConfig, ContainerRuntime, RuntimeEvent, SandboxConfig } from '@keelson/runtime';
import { FOREVER, HUNGRY, outputOf } from '@keelson/runtime/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CriClient } from './cri-client.ts';
import type { CriRuntime } from './cri-runtime.ts';
import { loadImages } from './load-images.ts';
import { forwardByStream } from './port-forward.ts';
import { containerConfig, sandboxConfig } from './testing/pods.ts';
import { BUSYBOX, BUSYBOX_ARCHIVE, noContainerd, PrivateContainerd, title } from './testing/private-containerd.ts';

async function start(runtime: ContainerRuntime, config: ContainerConfig, sandbox: Partial<SandboxConfig> = {}) {
  const status = await runtime.runSandbox(sandboxConfig(sandbox));
  const id = await runtime.createContainer(status.id, config);
  await runtime.startContainer(id);
  return { id, sandbox: status };
}

describe.skipIf(noContainerd)(title('CriRuntime on containerd'), () => {
  let containerd: PrivateContainerd;
  let runtime: CriRuntime;

  beforeAll(async () => {
    containerd = await PrivateContainerd.start();
    runtime = await containerd.runtime();
  });
  afterEach(async () => {
    for (const { id } of await runtime.listSandboxes()) await runtime.removeSandbox(id);
  });
  afterAll(async () => {
    await runtime.close();
    await containerd[Symbol.asyncDispose]();
  });

  it('tells its name and that its network is ready', async () => {
    expect(await runtime.info()).toMatchObject({ name: 'containerd', podNetwork: true, network: { ready: true } });
  });

  it('runs a container as it is told to', async () => {
    const security = { user: '1000:2000', supplementalGroups: [3000], noNewPrivileges: true, dropCapabilities: ['ALL'] };
    const config = containerConfig(FOREVER, { env: [{ name: 'A', value: 'b' }], workingDir: '/tmp', security });
    const dns = { servers: ['10.96.0.10'], searches: ['svc.cluster.local'], options: ['ndots:5'] };
    const { id, sandbox } = await start(runtime, config, { hostname: 'my-pod', dns });

    expect(
      await outputOf(runtime, id, 'sh', '-c', 'id; hostname; pwd; grep -E "NoNewPrivs|CapEff|^Seccomp:" /proc/1/status'),
    ).toBe('uid=1000 gid=2000 groups=2000,3000\nmy-pod\n/tmp\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2');
    expect(await outputOf(runtime, id, 'cat', '/etc/resolv.conf')).toBe(
      'search svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5',
    );
    expect(await outputOf(runtime, id, 'ip', '-4', '-o', 'addr', 'show', 'eth0')).toContain(`inet ${sandbox.ips[0]}/24`);
  });

  it('lets a privileged container do what others may not', async () => {
    const ordinary = await start(runtime, containerConfig(FOREVER));
    const privileged = await runtime.createContainer(
      ordinary.sandbox.id,
      containerConfig(FOREVER, { name: 'root', security: { privileged: true } }),
    );
    await runtime.startContainer(privileged);

    const attempt = ['sh', '-c', 'mount -t tmpfs none /mnt 2>/dev/null || mkdir -p /mnt && mount -t tmpfs none /mnt; echo $?'];
    expect(await outputOf(runtime, privileged, ...attempt)).toBe('0');
    expect(await outputOf(runtime, ordinary.id, ...attempt)).not.toBe('0');
  });

  it('says why a process could not be started, and when one was killed for its memory', async () => {
    const sandbox = await runtime.runSandbox(sandboxConfig());
    const broken = await runtime.createContainer(sandbox.id, {
      ...containerConfig(''),
      name: 'broken',
      command: ['/no/such/file'],
    });
    const hungry = await runtime.createContainer(
      sandbox.id,
      containerConfig(HUNGRY, { resources: { memoryLimitBytes: 8 * 1024 * 1024 } }),
    );

    await expect(runtime.startContainer(broken)).rejects.toMatchObject({
      reason: 'BadRequest',
      message: expect.stringContaining('/no/such/file'),
    });
    await runtime.startContainer(hungry);

    expect(await runtime.containerStatus(broken)).toMatchObject({ state: 'exited', reason: 'StartError', exitCode: 128 });
    await expect
      .poll(() => runtime.containerStatus(hungry))
      .toMatchObject({ state: 'exited', reason: 'OOMKilled', exitCode: 137 });
  });

  it('carries the input of a command, with its end', async () => {
    const { id } = await start(runtime, containerConfig(FOREVER));
    const session = await runtime.exec(id, ['sh', '-c', 'tr a-z A-Z; echo bad >&2; exit 7'], { stdin: true, tty: false });

    session.stdin?.end('hello\n');
    const outputs = await Promise.all([text(session.stdout), session.stderr && text(session.stderr)]);

    expect(outputs).toEqual(['HELLO\n', 'bad\n']);
    expect(await session.exitCode).toBe(7);
  });

  it('ends a command that takes too long', async () => {
    const { id } = await start(runtime, containerConfig(FOREVER));

    await expect(runtime.execSync(id, ['sleep', '60'], 1000)).rejects.toMatchObject({ reason: 'Timeout' });
  });

  it('attaches to a process, and knows how it has ended', async () => {
    const { id } = await start(runtime, containerConfig('read line; echo "got $line"; exit 4', { stdin: true, stdinOnce: true }));
    const session = await runtime.attach(id, { stdin: true, tty: false });
    session.stderr?.resume();

    session.stdin?.write('this\n');

    expect(await text(session.stdout)).toBe('got this\n');
    expect(await session.exitCode).toBe(4);
  });

  it('connects to ports inside a pod through the runtime too, and says if nobody listens', async () => {
    const { id, sandbox } = await start(
      runtime,
      containerConfig('echo open > /tmp/index.html; exec httpd -f -p 127.0.0.1:8080 -h /tmp'),
    );
    await expect.poll(() => outputOf(runtime, id, 'wget', '-qO-', 'http://127.0.0.1:8080/').catch(() => '')).toBe('open');

    using client = new CriClient({ endpoint: containerd.endpoint, clock: new SystemClock(), timeoutMs: 30_000 });
    const connection = await forwardByStream(client, sandbox.id, 8080);
    connection.end('GET / HTTP/1.0\r\n\r\n');
    const refused = await forwardByStream(client, sandbox.id, 81);

    expect(await text(connection)).toContain('open');
    await expect(text(refused)).rejects.toThrow('refused');
  });

  it('follows a log over its rotation, and leaves no log behind', async () => {
    const small = await containerd.runtime({ logLimits: { maxFileBytes: 10_000_000, maxFiles: 5, periodMs: 500 } });
    small.limitLogs({ maxFileBytes: 2000, maxFiles: 3 });
    small.events$.subscribe();
    const script = 'for i in $(seq 400); do echo line $i; done; sleep 2; echo last; sleep 1000';
    const { id, sandbox } = await start(small, containerConfig(script));
    const log = await small.logs(id, { follow: true, timestamps: false });
    const lines: string[] = [];
    log.on('data', (chunk: Buffer) =>
      lines.push(
        ...chunk
          .toString()
          .split('\n')
          .filter((line) => line !== ''),
      ),
    );

    await expect.poll(() => lines.at(-1)).toBe('last');
    log.destroy();
    const directory = join(containerd.directory, 'logs', `test_${sandbox.pod.name}_${sandbox.pod.uid}`);
    await expect.poll(() => readdir(join(directory, 'main'))).toContain('0.log.1');
    await small.removeSandbox(sandbox.id);
    await small.close();

    expect(lines).toEqual([...Array.from({ length: 400 }, (_, at) => `line ${at + 1}`), 'last']);
    expect(existsSync(directory)).toBe(false);
  });

  it('changes limits of a container that runs', async () => {
    const { id } = await start(runtime, containerConfig(FOREVER, { resources: { memoryLimitBytes: 64 * 1024 * 1024 } }));

    await runtime.updateResources(id, { memoryLimitBytes: 32 * 1024 * 1024, cpuShares: 512 });

    expect(await outputOf(runtime, id, 'cat', '/sys/fs/cgroup/memory/memory.limit_in_bytes')).toBe(String(32 * 1024 * 1024));
  });

  it('gives a pod to the handler that it names', async () => {
    const { sandbox } = await start(runtime, containerConfig(FOREVER), { runtimeHandler: 'other' });

    expect(sandbox.state).toBe('ready');
    await expect(runtime.runSandbox(sandboxConfig({ runtimeHandler: 'missing' }))).rejects.toThrow('missing');
  });

  it('takes images of files in, and says what they are called', async () => {
    const { id: before } = (await runtime.images.find(BUSYBOX)) ?? {};
    const broken = join(containerd.directory, 'broken.tar');
    await writeFile(broken, 'no archive');

    expect(await loadImages(BUSYBOX_ARCHIVE, containerd.endpoint)).toEqual([BUSYBOX]);
    expect(await runtime.images.find(BUSYBOX)).toMatchObject({ id: before });
    await expect(loadImages(broken, containerd.endpoint)).rejects.toMatchObject({ reason: 'BadRequest' });
  });

  it('refuses to mount an image where the runtime cannot', async () => {
    const sandbox = await runtime.runSandbox(sandboxConfig());
    const mounts = [{ hostPath: '', containerPath: '/m', readOnly: true, image: { id: 'sha256:0', subPath: '' } }];

    expect((await runtime.info()).imageVolumes).toBe(false);
    await expect(runtime.createContainer(sandbox.id, containerConfig(FOREVER, { mounts }))).rejects.toThrow(
      /^containerd \S+ does not mount images as volumes: that takes 2\.1 or later$/,
    );
  });

  it('says where its images are', async () => {
    expect(existsSync((await runtime.images.directory?.()) ?? '')).toBe(true);
  });

  it('does not see the pods of another cluster', async () => {
    const other = await containerd.runtime({ cluster: 'other' });
    const { id, sandbox } = await start(runtime, containerConfig(FOREVER));

    expect(await other.listSandboxes()).toEqual([]);
    expect(await other.listContainers()).toEqual([]);
    expect((await runtime.listContainers()).map((container) => [container.id, container.sandboxId])).toEqual([[id, sandbox.id]]);
    await other.close();
  });

  it('finds its pods again after containerd was killed, and says so', async () => {
    const events: RuntimeEvent[] = [];
    const subscription = runtime.events$.subscribe((event) => events.push(event));
    const { id, sandbox } = await start(runtime, containerConfig(FOREVER));
    const ending = await runtime.createContainer(sandbox.id, containerConfig('sleep 1; exit 9', { name: 'ending' }));
    await runtime.startContainer(ending);

    await containerd.kill();
    await expect(runtime.listSandboxes()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    await containerd.up();

    await expect.poll(() => events.some(({ type }) => type === 'resync')).toBe(true);
    expect((await runtime.listSandboxes()).map((one) => [one.id, one.ips])).toEqual([[sandbox.id, sandbox.ips]]);
    expect(await outputOf(runtime, id, 'echo', 'still here')).toBe('still here');
    await expect.poll(() => runtime.containerStatus(ending)).toMatchObject({ state: 'exited', exitCode: 9 });
    subscription.unsubscribe();
  });
});
