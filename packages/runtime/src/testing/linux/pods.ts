import { eventually } from '@keelson/base/testing';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { hostname as hostName, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { FOREVER } from '../configs.ts';
import { type Harness } from '../harness.ts';
import { podLimits } from './pod-limits.ts';

const run = promisify(execFile);
const DNS = { servers: ['10.96.0.10'], searches: ['a.svc.cluster.local', 'cluster.local'], options: ['ndots:5'] };

export function describePods(harness: Harness): void {
  describe('pods', () => {
    harness.test('gives a pod its name and its resolver', async () => {
      const { id } = await harness.runScript(FOREVER, { sandbox: { hostname: 'my-pod', dns: DNS } });

      expect(await harness.outputOf(id, 'hostname')).toBe('my-pod');
      expect(await harness.outputOf(id, 'cat', '/etc/hostname')).toBe('my-pod');
      expect((await harness.outputOf(id, 'cat', '/etc/resolv.conf')).split('\n').toSorted()).toEqual([
        'nameserver 10.96.0.10',
        'options ndots:5',
        'search a.svc.cluster.local cluster.local',
      ]);
    });

    harness.test('gives the containers of a pod one network and shared memory, and processes of their own', async () => {
      const { id, sandbox } = await harness.runScript(
        'echo from a neighbour > /tmp/index.html; echo kept > /dev/shm/note; exec httpd -f -p 127.0.0.1:8080 -h /tmp',
      );
      const { id: other } = await harness.runScript(FOREVER, { in: sandbox });

      const page = () => harness.outputOf(other, 'wget', '-qO-', 'http://127.0.0.1:8080/');
      await eventually(async () => (await page()) === 'from a neighbour');
      expect(await harness.outputOf(other, 'cat', '/dev/shm/note')).toBe('kept');
      expect(await harness.outputOf(other, 'ps')).not.toContain('httpd');
      expect(await harness.outputOf(id, 'ps')).toMatch(/^\s+1 \S+\s+httpd/m);
    });

    harness.test('lets containers see each other if the pod shares its processes', async () => {
      const { id } = await harness.runScript(FOREVER, { sandbox: { shareProcessNamespace: true } });

      expect(await harness.outputOf(id, 'ps')).toMatch(/^\s+1 \S+\s+\/pause/m);
    });

    harness.test('ends all processes of a container that is stopped in a pod that shares them', async () => {
      const { id: other, sandbox } = await harness.runScript(FOREVER, { sandbox: { shareProcessNamespace: true } });
      const { id } = await harness.runScript("sleep 983 & trap '' TERM; while true; do sleep 1; done", { in: sandbox });
      await eventually(async () => (await harness.outputOf(other, 'ps')).includes('sleep 983'));

      await harness.runtime.stopContainer(id, 0);

      await eventually(async () => !(await harness.outputOf(other, 'ps')).includes('sleep 983'));
      expect((await harness.runtime.containerStatus(other)).state).toBe('running');
    });

    harness.test('lets a container see the processes of another one, and nobody else’s', async () => {
      const { id: target, sandbox } = await harness.runScript('exec httpd -f -p 127.0.0.1:8080 -h /tmp');
      const { id: debug } = await harness.runScript(FOREVER, { in: sandbox, container: { targetContainerId: target } });

      await eventually(async () => /^\s+1 \S+\s+httpd/m.test(await harness.outputOf(debug, 'ps')));
      expect(await harness.outputOf(debug, 'ps')).not.toContain('/pause');
    });

    harness.test('gives a pod on the host’s network the host’s name and addresses', async () => {
      const { id } = await harness.runScript(FOREVER, { sandbox: { hostNetwork: true, hostname: hostName() } });

      expect(await harness.outputOf(id, 'hostname')).toBe(hostName());
      // Interfaces of others come and go meanwhile.
      expect(await harness.outputOf(id, 'readlink', '/proc/self/ns/net')).toBe(await readlink('/proc/self/ns/net'));
    });

    harness.test('shows a pod the host’s processes if it asks for them', async () => {
      const { id } = await harness.runScript(FOREVER, { sandbox: { hostPid: true } });

      expect(await harness.outputOf(id, 'cat', `/proc/${process.pid}/comm`)).toBe(
        (await readFile('/proc/self/comm', 'utf8')).trim(),
      );
    });

    harness.test('sets the kernel’s parameters of a pod', async () => {
      const { id } = await harness.runScript(FOREVER, { sandbox: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } } });

      expect(await harness.outputOf(id, 'cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('80');
    });

    harness.test('holds a pod as a whole to its limits, which can be changed', async () => {
      const resources = { memoryLimitBytes: 64 * 1024 * 1024, cpuPeriodUs: 100_000, cpuQuotaUs: 50_000, cpuShares: 512 };
      const { sandbox } = await harness.runScript(FOREVER, { sandbox: { resources } });
      const made = await podLimits(sandbox.pod.uid);

      await harness.runtime.updateSandbox?.(sandbox.id, { ...resources, memoryLimitBytes: 96 * 1024 * 1024, cpuQuotaUs: 70_000 });

      expect([made, await podLimits(sandbox.pod.uid)]).toEqual([
        { memory: String(64 * 1024 * 1024), cpuQuota: '50000' },
        { memory: String(96 * 1024 * 1024), cpuQuota: '70000' },
      ]);
    });

    harness.test('tells of a limit of a pod that the kernel refuses, and makes no pod without it', async () => {
      // Less than a thousandth of a period is too little.
      const refused = { memoryLimitBytes: 64 * 1024 * 1024, cpuPeriodUs: 100_000, cpuQuotaUs: 10 };
      const { sandbox } = await harness.runScript(FOREVER);
      const config = harness.sandboxConfig({ resources: refused });

      await expect(harness.runtime.updateSandbox?.(sandbox.id, refused)).rejects.toThrow(/the kernel refused cpu\.\S+ to 10 /);
      await expect(harness.runtime.runSandbox(config)).rejects.toThrow('the kernel refused');

      expect(await harness.runtime.listSandboxes(undefined, { podUid: config.pod.uid })).toEqual([]);
    });

    harness.test(
      'mounts directories and files, for reading only if so asked, also behind symbolic links of the image',
      async () => {
        const directory = await mkdtemp(join(tmpdir(), 'mount with space-'));
        await writeFile(join(directory, 'in'), 'words');
        const { id } = await harness.runScript(FOREVER, {
          container: {
            mounts: [
              { hostPath: directory, containerPath: '/rw', readOnly: false },
              { hostPath: directory, containerPath: '/deep/er/ro', readOnly: true },
              { hostPath: join(directory, 'in'), containerPath: '/etc/file', readOnly: true },
              { hostPath: join(directory, 'in'), containerPath: '/deep/er/ro/in', readOnly: true },
            ],
          },
        });

        expect(await harness.outputOf(id, 'cat', '/deep/er/ro/in', '/etc/file')).toBe('wordswords');
        expect(await harness.exitCodeOf(id, 'touch', '/deep/er/ro/x')).toBe(1);
        expect(await harness.exitCodeOf(id, 'sh', '-c', 'echo no > /etc/file')).not.toBe(0);
        expect(await harness.exitCodeOf(id, 'cp', '/rw/in', '/rw/out')).toBe(0);
        expect(await readFile(join(directory, 'out'), 'utf8')).toBe('words');
        await rm(directory, { recursive: true });
      },
    );

    harness.test('keeps what is mounted below a directory, for reading only if it is so there', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'mounts-'));
      const [ro, rw] = ['ro', 'rw'].map((name) => join(directory, name));
      for (const [path = '', option] of [[ro, 'ro'] as const, [rw, 'rw'] as const]) {
        await mkdir(path);
        await run('mount', ['-t', 'tmpfs', '-o', option, 'tmpfs', path]);
      }
      const mounts = [{ hostPath: directory, containerPath: '/m', readOnly: true }];
      const { id } = await harness.runScript(FOREVER, { container: { mounts } });

      const codes = await Promise.all(['ro', 'rw'].map((name) => harness.exitCodeOf(id, 'touch', `/m/${name}/file`)));
      for (const path of [ro ?? '', rw ?? '']) await run('umount', ['-l', path]);
      await rm(directory, { recursive: true });

      expect(codes).toEqual([1, 0]);
    });

    harness.test('mounts an image, or a directory of it, for reading only', async () => {
      const { id: image = '' } = (await harness.runtime.images.find(harness.image)) ?? {};
      const mount = (containerPath: string, subPath: string) => {
        return { hostPath: '', containerPath, readOnly: true, image: { id: image, subPath } };
      };
      const mounts = [mount('/whole', ''), mount('/part', 'bin')];
      const first = await harness.runScript(FOREVER, { container: { mounts } });
      const { id } = await harness.runScript(FOREVER, { in: first.sandbox, container: { mounts } });

      expect(await harness.outputOf(id, 'ls', '/whole/bin/busybox', '/part/busybox')).toBe('/part/busybox\n/whole/bin/busybox');
      expect(await harness.exitCodeOf(id, 'touch', '/whole/file')).toBe(1);
      expect(await harness.exitCodeOf(first.id, 'touch', '/part/file')).toBe(1);
      await expect(harness.runScript(FOREVER, { container: { mounts: [mount('/m', 'none')] } })).rejects.toThrow(
        'cannot mount "none" of the image',
      );
    });

    harness.test('mounts the root of the machine', async () => {
      const mounts = [{ hostPath: '/', containerPath: '/host', readOnly: true }];
      const { id } = await harness.runScript(FOREVER, { container: { mounts } });

      expect(await harness.outputOf(id, 'ls', '-d', '/host/etc')).toBe('/host/etc');
    });
  });
}
