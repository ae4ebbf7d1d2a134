import { SystemClock } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerRuntime, RuntimeEvent } from './container-runtime.ts';
import { RuntimeRouter } from './runtime-router.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { describeRuntimeContract, Harness } from './testing.ts';
import { simulatedPrograms } from './testing/simulated-programs.ts';

const image = 'nginx:1.22';

function routed(): { readonly router: RuntimeRouter; readonly main: ContainerRuntime; readonly other: ContainerRuntime } {
  const clock = new SystemClock();
  const main = new SimulatedRuntime({ clock, podCidr: '10.1.0.0/24' });
  const other = new SimulatedRuntime({ clock, podCidr: '10.2.0.0/24' });
  const handlers = new Map([
    ['main', main],
    ['other', other],
  ]);
  return { router: new RuntimeRouter({ main, handlers }), main, other };
}

describeRuntimeContract('RuntimeRouter', async () => ({ runtime: routed().router, programs: simulatedPrograms, image }));

describe('RuntimeRouter', () => {
  let harness: Harness;
  let main: ContainerRuntime;
  let other: ContainerRuntime;

  beforeEach(async () => {
    const made = routed();
    ({ main, other } = made);
    harness = new Harness(async () => ({ runtime: made.router, programs: simulatedPrograms, image }));
    await harness.open();
    await other.images.pull(image, undefined);
  });
  afterEach(() => harness.close());

  it('runs a pod where its handler says, and finds it by its id ever after', async () => {
    const { runtime } = harness;
    const events: RuntimeEvent[] = [];
    runtime.events$.subscribe((event) => events.push(event));
    const sandbox = await runtime.runSandbox(harness.sandboxConfig({ runtimeHandler: 'other' }));

    const id = await runtime.createContainer(sandbox.id, harness.containerConfig('main'));
    await runtime.startContainer(id);

    expect([sandbox.id, id]).toEqual([expect.stringMatching(/^other:\/\//), expect.stringMatching(/^other:\/\//)]);
    expect(sandbox.ips[0]).toMatch(/^10\.2\./);
    expect(await main.listSandboxes()).toEqual([]);
    expect(await other.listSandboxes()).toHaveLength(1);
    expect(await runtime.containerStatus(id)).toMatchObject({ id, sandboxId: sandbox.id, state: 'running' });
    expect(await runtime.listContainers()).toMatchObject([{ id, sandboxId: sandbox.id }]);
    expect((await runtime.stats()).map(({ containerId }) => containerId)).toEqual([id]);
    expect((await runtime.execSync(id, ['echo', 'hi'], 1000)).exitCode).toBe(0);
    await runtime.removeContainer(id);
    expect(events.map(({ containerId }) => containerId)).toContain(id);
  });

  it('promises user namespaces only if all runtimes have them', async () => {
    expect((await harness.runtime.info()).userNamespaces).toBe(true);

    const info = async () => ({ name: 'plain', version: '1', podNetwork: true });
    const plain = Object.assign(new SimulatedRuntime({ clock: new SystemClock() }), { info });
    const router = new RuntimeRouter({ main, handlers: new Map([['other', plain]]) });
    expect((await router.info()).userNamespaces).toBe(false);
  });

  it('runs a pod that names the main runtime there, with ids as they are', async () => {
    const sandbox = await harness.runtime.runSandbox(harness.sandboxConfig({ runtimeHandler: 'main' }));

    expect((await main.listSandboxes()).map(({ id }) => id)).toEqual([sandbox.id]);
  });

  it('refuses a handler that nobody has, as containerd does', async () => {
    const config = harness.sandboxConfig({ runtimeHandler: 'kata' });
    const words = 'failed to get sandbox runtime: no runtime for "kata" is configured';

    await expect(harness.runtime.runSandbox(config)).rejects.toThrow(words);
    expect(() => harness.runtime.imagesFor?.('kata')).toThrow(words);
  });

  it('passes on what a main runtime with handlers of its own may know', async () => {
    const router = new RuntimeRouter({ main, handlers: new Map(), passesOn: true });

    await router.runSandbox(harness.sandboxConfig({ runtimeHandler: 'kata' }));

    expect(await main.listSandboxes()).toHaveLength(1);
  });

  it('keeps the images of runtimes apart, and lists those of all', async () => {
    const { runtime } = harness;
    await runtime.imagesFor?.('other').pull('only-there:1', undefined);

    expect(await runtime.images.find('only-there:1')).toBeUndefined();
    expect(await runtime.imagesFor?.('other').find('only-there:1')).toBeDefined();
    expect((await runtime.images.list()).flatMap(({ repoTags }) => repoTags)).toContain('only-there:1');
    expect([...(runtime.imageStores?.() ?? [])]).toEqual([
      ['', main.images],
      ['other', other.images],
    ]);
  });

  it('does not know an id of a runtime that is not there', async () => {
    await expect(harness.runtime.containerStatus('gone://1')).rejects.toMatchObject({ reason: 'NotFound' });
  });
});
