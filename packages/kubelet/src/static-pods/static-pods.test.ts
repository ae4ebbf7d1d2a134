import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Node, Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { World } from '../testing/world.ts';
import { staticPod } from './static-pod.ts';

const source = { nodeName: 'Node-1', from: 'file' as const, path: '/etc/pods/web.yaml', seen: '2026-01-01T00:00:00Z' };
const manifest = (image = 'web:1', more = '') => `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 7
  containers: [{ name: web, image: '${image}' }]
${more}`;

describe('staticPod', () => {
  it('belongs to its node, whatever taints that gets', () => {
    const pod = staticPod(manifest(), source);

    expect(pod.metadata).toMatchObject({
      name: 'web-node-1',
      namespace: 'default',
      labels: { app: 'web' },
      annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': pod.metadata?.uid },
    });
    expect(pod.spec).toMatchObject({ nodeName: 'Node-1', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] });
  });

  it('is another pod if anything of it changes, on another node and from another file', () => {
    const uids = [
      staticPod(manifest(), source),
      staticPod(manifest('web:2'), source),
      staticPod(manifest(), { ...source, nodeName: 'other' }),
      staticPod(manifest(), { ...source, path: '/etc/pods/other.yaml' }),
    ].map(({ metadata }) => metadata?.uid);

    expect(new Set(uids).size).toBe(4);
    expect(staticPod(manifest(), source).metadata?.uid).toBe(uids[0]);
  });

  it.each([
    { title: 'what is no YAML', text: 'a: [', why: 'neither YAML nor JSON' },
    { title: 'another kind', text: 'apiVersion: v1\nkind: Service', why: 'no Pod of v1' },
    { title: 'a pod without containers', text: 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }', why: 'no containers' },
    {
      title: 'a Secret',
      text: manifest('web:1', '  volumes: [{ name: v, secret: { secretName: s } }]'),
      why: 'may not reference secrets',
    },
    { title: 'an account', text: manifest('web:1', '  serviceAccountName: a'), why: 'may not reference serviceaccounts' },
    {
      title: 'variables of a ConfigMap',
      text: manifest('web:1', '  initContainers: [{ name: i, image: a, envFrom: [{ configMapRef: { name: c } }] }]'),
      why: 'may not reference configmaps',
    },
  ])('refuses $title', ({ text, why }) => {
    expect(() => staticPod(text, source)).toThrow(why);
  });
});

describe('Kubelet: static pods', () => {
  let staticPodPath: string;
  beforeEach(async () => void (staticPodPath = await mkdtemp(join(tmpdir(), 'static-pods-'))));
  afterEach(() => rm(staticPodPath, { recursive: true, force: true }));

  const write = (text: string) => writeFile(join(staticPodPath, 'web.yaml'), text);
  const mirror = (world: World) => world.pod('web-n1');

  it('runs the pods of its directory, and shows copies of them in the API', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });

    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    const node = world.client.read(Node, { name: 'n1' });
    expect(mirror(world)?.metadata).toMatchObject({
      annotations: { 'kubernetes.io/config.mirror': mirror(world)?.metadata?.annotations?.['kubernetes.io/config.hash'] },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: node?.metadata?.uid, controller: true }],
    });
    expect(world.runtime.journal).toEqual(['sandbox web-n1', 'start web']);
    expect(world.kubelet.api.pods().map(({ metadata }) => metadata?.name)).toEqual(['web-n1']);
  });

  it('makes a copy again that somebody deletes, and does nothing to the pod', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');
    const old = mirror(world)?.metadata?.uid;

    world.deletePod('web-n1', 30);
    await world.advanceUntil(() => mirror(world)?.metadata?.uid !== old && mirror(world)?.status?.phase === 'Running');
    world.client.remove(Pod, { name: 'web-n1', namespace: 'default' });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    expect(world.runtime.journal).toEqual(['sandbox web-n1', 'start web']);
  });

  it('ends a pod whose file is gone, within its own grace period, and takes its copy away', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    await rm(join(staticPodPath, 'web.yaml'));
    await world.advanceUntil(() => mirror(world) === undefined && world.runtime.sandboxes.size === 0);

    expect(world.runtime.journal.at(-1)).toBe('stop web 7');
  });

  it('takes another definition for another pod of the same name: the old one ends first', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    await write(manifest('web:2'));
    await world.advanceUntil(() => mirror(world)?.status?.containerStatuses?.[0]?.image === 'web:2');

    expect(world.runtime.journal).toEqual(['sandbox web-n1', 'start web', 'stop web 7', 'sandbox web-n1', 'start web']);
  });

  it('runs without an API, and shows itself when there is one', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });
    world.client.down = true;

    await world.advanceUntil(() => world.runtime.latest('web')?.state === 'running');
    world.client.down = false;

    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');
  });

  it('takes up what runs after a restart, and lets go of what left the directory meanwhile', async () => {
    await write(manifest());
    await using world = await World.start({ staticPodPath });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    await world.restart();
    await world.advance(30_000);
    expect(world.runtime.journal).toEqual(['sandbox web-n1', 'start web']);
    await world.kubelet.stop();
    await rm(join(staticPodPath, 'web.yaml'));
    await world.restart();

    await world.advanceUntil(() => mirror(world) === undefined && world.runtime.sandboxes.size === 0);
  });

  it('leaves a file alone that holds no pod, and keeps what it held before', async () => {
    await write(manifest());
    await mkdir(join(staticPodPath, 'directory'));
    await writeFile(join(staticPodPath, '.hidden.yaml'), manifest('hidden:1'));
    await using world = await World.start({ staticPodPath });
    await world.advanceUntil(() => mirror(world)?.status?.phase === 'Running');

    await write('half a man');
    await world.advance(60_000);

    expect(mirror(world)?.status?.phase).toBe('Running');
    expect(world.runtime.journal).toEqual(['sandbox web-n1', 'start web']);
  });
});
