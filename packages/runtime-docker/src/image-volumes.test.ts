import { SystemClock } from '@keelson/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient, filters } from './engine/engine-client.ts';
import { containerConfig, sandboxConfig } from './testing/pods.ts';
import { BUSYBOX, noEngine, testEngine, unless } from './testing/private-engine.ts';

const CLUSTER = `image-volumes-${process.pid}`;

describe.skipIf(noEngine)(unless('ImageVolumes', noEngine), () => {
  let engine: { readonly host: string } & AsyncDisposable;
  let client: EngineClient;
  let runtime: DockerRuntime;

  beforeAll(async () => {
    engine = await testEngine();
    client = new EngineClient(engineAddress(engine.host));
    runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host, cluster: CLUSTER });
  }, 120_000);
  afterAll(async () => {
    client.close();
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  }, 120_000);

  const names = async (path: string, of: (answer: never) => readonly string[]) =>
    of(await client.json<never>({ method: 'GET', path, query: { all: 1, filters: filters({ name: ['keelson-image-'] }) } }));
  const keepers = () =>
    names('/containers/json', (all: readonly { Names: readonly string[] }[]) => all.flatMap(({ Names }) => Names));
  const volumes = () =>
    names('/volumes', ({ Volumes }: { Volumes: readonly { Name: string }[] | null }) => (Volumes ?? []).map(({ Name }) => Name));

  async function podWithImage(): Promise<string> {
    const { id = '' } = (await runtime.images.find(BUSYBOX)) ?? {};
    const sandbox = await runtime.runSandbox(sandboxConfig());
    const mounts = [{ hostPath: '', containerPath: '/m', readOnly: true, image: { id, subPath: 'bin' } }];
    await runtime.createContainer(sandbox.id, containerConfig('sleep 1000', { mounts }));
    return sandbox.id;
  }

  it('are filled once for all pods, begun anew if that was broken off, and removed with the last of them', async () => {
    const [first, second] = await Promise.all([podWithImage(), podWithImage()]);
    const [volume = ''] = await volumes();
    expect([await keepers(), await volumes()]).toEqual([[`/${volume}`], [volume]]);

    await runtime.removeSandbox(first);
    expect(await volumes()).toEqual([volume]);
    await runtime.removeSandbox(second);
    expect([await keepers(), await volumes()]).toEqual([[], []]);

    const broken = { Image: BUSYBOX, HostConfig: { Mounts: [{ Type: 'volume', Source: volume, Target: '/v' }] } };
    const create = { method: 'POST', path: '/containers/create', query: { name: `${volume}-filling` } } as const;
    await client.json({ ...create, body: broken });
    const third = await podWithImage();
    expect(await keepers()).toEqual([`/${volume}`]);
    await runtime.removeSandbox(third);
    expect([await keepers(), await volumes()]).toEqual([[], []]);
  });
});
