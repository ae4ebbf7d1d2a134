import { isReason, SystemClock } from '@keelson/base';
import type { RuntimeEvent } from '@keelson/runtime';
import { FOREVER, outputOf } from '@keelson/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { runScript, sandboxConfig } from './testing/pods.ts';
import { noPrivateEngine, PrivateEngine, unless } from './testing/private-engine.ts';

describe.skipIf(noPrivateEngine)(unless('DockerRuntime, when the engine is gone', noPrivateEngine), () => {
  let engine: PrivateEngine;
  let runtime: DockerRuntime;
  const events: RuntimeEvent[] = [];

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host, cgroupRoot: engine.cgroupRoot });
    runtime.events$.subscribe((event) => events.push(event));
  });
  afterAll(async () => {
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  });

  it('fails clearly and at once, and goes on by itself when it is back', async () => {
    const { id: stays, sandbox } = await runScript(runtime, FOREVER);
    const { id: ends } = await runScript(runtime, 'while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9', { in: sandbox });
    await runtime.listContainers();
    const log = await runtime.logs(stays, { follow: true, timestamps: false });
    log.resume();
    // The command outlives the engine: it lets the container end while nobody looks.
    await runtime.execSync(ends, ['sh', '-c', '(sleep 1; touch /tmp/go) >/dev/null 2>&1 &'], 60_000);

    await engine.kill();
    const failure: unknown = await runtime.listContainers().catch((error: unknown) => error);
    await expect.poll(() => log.closed).toBe(true);
    events.length = 0;
    await engine.up();
    await expect.poll(() => events.some(({ type }) => type === 'resync')).toBe(true);

    expect(isReason(failure, 'ServiceUnavailable') && failure.message).toContain(
      `The Docker engine at ${engine.host} does not answer`,
    );
    expect(await outputOf(runtime, stays, 'echo', 'still here')).toBe('still here');
    await expect.poll(async () => (await runtime.containerStatus(ends)).exitCode).toBe(9);
    expect((await runtime.listContainers()).map(({ id }) => id).toSorted()).toEqual([stays, ends].toSorted());
    const { id } = await runtime.runSandbox(sandboxConfig());
    expect((await runtime.listSandboxes()).map((sandbox) => sandbox.id)).toContain(id);
  });

  it('makes the image of sandboxes again if somebody removes it', async () => {
    for (const { id } of await runtime.listSandboxes()) await runtime.removeSandbox(id);
    await runtime.images.remove('keelson/pause:1');

    const { state } = await runtime.runSandbox(sandboxConfig());

    expect(state).toBe('ready');
  });
});
