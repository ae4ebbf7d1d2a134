import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedRuntime } from '../simulated-runtime.ts';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';

describe('SimulatedRuntime with a state file', () => {
  let directory: string;
  let stateFile: string;
  let clock: ManualClock;
  let runtime: SimulatedRuntime;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sim-state-'));
    stateFile = join(directory, 'deep', 'node-1');
    clock = new ManualClock(1000);
    runtime = open();
  });
  afterEach(async () => {
    await runtime.close();
    await rm(directory, { recursive: true });
  });

  /** As after a kill: the one before is not closed. */
  const open = () => (runtime = new SimulatedRuntime({ clock, stateFile }));

  async function run(uid: string, annotations: Record<string, string> = {}): Promise<{ sandboxId: string; id: string }> {
    const { id: sandboxId } = await runtime.runSandbox(sandboxConfig(uid, { labels: { a: 'b' }, annotations }));
    const { id: image } = await runtime.images.pull('web:1');
    const config = containerConfig(image, { name: 'app', annotations: { hash: '1' } });
    const id = await runtime.createContainer(sandboxId, config);
    await runtime.startContainer(id);
    return { sandboxId, id };
  }

  it('has the same pods again, with their containers running and their addresses taken', async () => {
    await run('a', { 'sim.keelson.dev/app.logs': 'hello' });
    const before = [await runtime.listSandboxes(), await runtime.listContainers()];

    open();

    expect([await runtime.listSandboxes(), await runtime.listContainers()]).toEqual(before);
    expect(await runtime.images.find('web:1')).toBeDefined();
    const [container] = await runtime.listContainers(undefined, { podUid: 'a' });
    expect(await text(await runtime.logs(container?.id ?? '', { follow: false, timestamps: false }))).toBe('hello\n');
    await run('b');
    expect((await runtime.listSandboxes()).map(({ ips }) => ips[0])).toEqual(['10.244.0.2', '10.244.0.3']);
  });

  it('lets containers end while nobody looks', async () => {
    const annotations = { 'sim.keelson.dev/app.run-seconds': '10', 'sim.keelson.dev/app.exit-code': '3' };
    const { id } = await run('a', annotations);
    clock = new ManualClock(60_000);

    open();

    expect(await runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 3,
      startedAtMs: 1000,
      finishedAtMs: 11_000,
    });
  });

  it('ends later what has still time to run', async () => {
    const { id } = await run('a', { 'sim.keelson.dev/app.run-seconds': '10' });
    clock = new ManualClock(5000);
    open();
    const ended: string[] = [];
    runtime.events$.subscribe(({ type }) => ended.push(type));

    await clock.advance(6000);

    expect((await runtime.containerStatus(id)).finishedAtMs).toBe(11_000);
    expect(ended).toEqual(['container-stopped']);
  });

  it('forgets what was removed, and keeps what was stopped', async () => {
    const gone = await run('a');
    const stopped = await run('b');
    await runtime.stopSandbox(gone.sandboxId);
    await runtime.removeSandbox(gone.sandboxId);
    await runtime.stopSandbox(stopped.sandboxId);

    open();

    expect(await runtime.listSandboxes()).toMatchObject([{ id: stopped.sandboxId, state: 'not-ready', ips: [] }]);
    expect(await runtime.listContainers()).toMatchObject([{ id: stopped.id, state: 'exited', exitCode: 137 }]);
  });

  it('leaves out a line that was cut off', async () => {
    const { id } = await run('a');
    await appendFile(stateFile, '{"op":"removed","id":"');

    open();
    await runtime.stopContainer(id, 0);
    open();

    expect(await runtime.listContainers()).toMatchObject([{ id, state: 'exited' }]);
  });

  it('does not grow with what has been', async () => {
    for (let round = 0; round < 1500; round += 1) await runtime.removeSandbox((await run('a')).sandboxId);

    expect((await readFile(stateFile, 'utf8')).split('\n').length).toBeLessThan(2100);
  });
});
