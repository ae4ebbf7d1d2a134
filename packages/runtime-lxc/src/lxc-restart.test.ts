import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FOREVER, Harness } from '@keelson/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LxcRuntime } from './lxc-runtime.ts';
import { BUSYBOX, noLxc, PrivateLxc, shellPrograms, unless } from './testing/private-lxc.ts';

describe.skipIf(noLxc)(unless('LxcRuntime, killed and started again', noLxc), () => {
  let lxc: PrivateLxc;
  let harness: Harness;
  let runtime: LxcRuntime;
  const containerFile = (id: string, name: string) => readFile(join(lxc.directory, 'node/containers', id, name), 'utf8');
  const pidIn = async (id: string, name: 'shim' | 'started') => Number((await containerFile(id, name)).split(' ')[0]);

  beforeAll(async () => {
    lxc = await PrivateLxc.start();
    runtime = lxc.open();
    harness = new Harness(async () => ({ runtime, programs: shellPrograms, image: BUSYBOX }));
    await harness.open();
  });
  afterAll(async () => {
    await harness.close();
    await lxc.expectNothingLeft();
    await lxc[Symbol.asyncDispose]();
  });

  it('knows of what went on, and of what ended meanwhile', async () => {
    const { id: goesOn, sandbox } = await harness.runScript(FOREVER);
    const { id: ends } = await harness.runScript('echo before; until [ -e /tmp/go ]; do sleep 0.05; done; echo after; exit 9', {
      in: sandbox,
    });
    const { id: killed } = await harness.runScript(FOREVER, { in: sandbox });
    await expect.poll(() => harness.logOf(ends)).toBe('before\n');

    const next = lxc.open();
    // In the background, since the command would not outlive the container.
    await harness.exitCodeOf(ends, 'sh', '-c', '(sleep 0.1; touch /tmp/go) >/dev/null 2>&1 &');
    process.kill(await pidIn(killed, 'started'), 'SIGKILL');

    const only = { podUid: sandbox.pod.uid };
    expect(await next.listSandboxes(undefined, only)).toEqual([sandbox]);
    await expect.poll(async () => (await next.containerStatus(ends)).state).toBe('exited');
    await expect.poll(async () => (await next.containerStatus(killed)).state).toBe('exited');
    expect(await next.containerStatus(goesOn)).toMatchObject({ state: 'running', pod: sandbox.pod });
    expect(await next.containerStatus(ends)).toMatchObject({ exitCode: 9, reason: 'Error' });
    expect(await next.containerStatus(killed)).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect(Buffer.from((await next.execSync(goesOn, ['hostname'], 60_000)).stdout).toString()).toBe(`${sandbox.pod.name}\n`);
    expect(await harness.logOf(ends)).toBe('before\nafter\n');
    await next.close();
  });

  it('gets the right exit code though somebody has killed LXC’s monitor', async () => {
    const { id } = await harness.runScript('trap "exit 23" TERM; echo ready; while true; do sleep 0.05; done');
    await expect.poll(() => harness.logOf(id)).toBe('ready\n');
    const children = await readFile(`/proc/${await pidIn(id, 'shim')}/task/${await pidIn(id, 'shim')}/children`, 'utf8');

    process.kill(Number(children), 'SIGKILL');
    await runtime.stopContainer(id, 10);

    expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 23 });
  });

  it('ends a container whose shim somebody has killed, since nobody could say how it ends', async () => {
    const { id } = await harness.runScript(FOREVER);
    const pid = await pidIn(id, 'started');

    process.kill(await pidIn(id, 'shim'), 'SIGKILL');

    await expect.poll(() => runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137 });
    await expect.poll(() => isThere(pid)).toBe(false);
  });

  it('says that a sandbox is not ready whose process is gone', async () => {
    const sandbox = await runtime.runSandbox(harness.sandboxConfig());
    const pid = Number((await readFile(join(lxc.directory, 'node/sandboxes', sandbox.id, 'started'), 'utf8')).split(' ')[0]);

    process.kill(pid, 'SIGKILL');

    const state = async () => (await runtime.listSandboxes()).find(({ id }) => id === sandbox.id)?.state;
    await expect.poll(state).toBe('not-ready');
    const told = { type: 'sandbox-stopped', podUid: sandbox.pod.uid };
    await expect.poll(() => harness.events).toContainEqual(told);
  });

  it('clears up what was half made', async () => {
    const half = join(lxc.directory, 'node/containers', 'a'.repeat(32));
    const halfSandbox = join(lxc.directory, 'node/sandboxes', 'b'.repeat(32));
    for (const directory of [half, halfSandbox]) await mkdir(directory, { recursive: true });
    await writeFile(join(half, 'config'), 'lxc.rootfs.path');

    const next = lxc.open();
    await next.listContainers();

    await expect(readFile(join(half, 'config'))).rejects.toThrow('ENOENT');
    await expect(readFile(join(halfSandbox, 'x'))).rejects.toThrow('ENOENT');
    await next.close();
  });

  it('puts full logs aside, and reads over all of them', async () => {
    const small = lxc.open({ logLimits: { maxFileBytes: 1000, maxFiles: 3 } });
    const sandbox = await small.runSandbox(harness.sandboxConfig());
    const id = await small.createContainer(sandbox.id, harness.scriptConfig('for i in $(seq 100); do echo line $i; done'));

    await small.startContainer(id);
    await expect.poll(async () => (await small.containerStatus(id)).state).toBe('exited');

    const log = (await small.logs(id, { follow: false, timestamps: false })).toArray();
    const lines = (await log).join('').trimEnd().split('\n');
    expect(lines.at(-1)).toBe('line 100');
    expect(lines.length).toBeGreaterThan(30);
    expect(lines.length).toBeLessThan(100);
    expect((await containerFile(id, 'log.2')).length).toBeLessThanOrEqual(1000);
    await small.removeSandbox(sandbox.id);
    await small.close();
  });

  it('follows a log over all that is put aside', async () => {
    const small = lxc.open({ logLimits: { maxFileBytes: 4000, maxFiles: 9 } });
    const sandbox = await small.runSandbox(harness.sandboxConfig());
    const script = 'for i in $(seq 300); do echo line $i; done; sleep 1; echo last';
    const id = await small.createContainer(sandbox.id, harness.scriptConfig(script));

    await small.startContainer(id);
    const log = (await small.logs(id, { follow: true, timestamps: false })).toArray();

    const lines = (await log).join('').trimEnd().split('\n');
    expect(lines).toEqual([...Array.from({ length: 300 }, (_, at) => `line ${at + 1}`), 'last']);
    expect(await containerFile(id, 'log.3')).not.toBe('');
    await small.removeSandbox(sandbox.id);
    await small.close();
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
