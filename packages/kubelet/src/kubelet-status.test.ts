import { describe, expect, it } from 'vitest';
import { findCondition } from '@keelson/api';
import { Secret, Pod, type ContainerStatus } from '@keelson/api/core/v1';
import { container, World } from './testing/world.ts';

function statusOf(world: World, name = 'web'): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = world.pod('a')?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

describe('Kubelet: what it reports', () => {
  it('names the image as the pod does, and what the container was made with', async () => {
    await using world = await World.start();
    const resources = { limits: { cpu: '1' }, requests: { cpu: '1' } };
    const volumeMounts = [{ name: 'v', mountPath: '/v', readOnly: true }];

    world.createPod('a', { volumes: [{ name: 'v', emptyDir: {} }], containers: [container('web', { resources, volumeMounts })] });
    await world.until(() => statusOf(world)?.state?.running);

    expect(statusOf(world)).toMatchObject({
      image: 'web:1',
      imageID: 'sha256:web:1',
      resources,
      allocatedResources: { cpu: '1' },
      volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Disabled' }],
    });
  });

  it('says PodInitializing of all containers while an init container runs', async () => {
    await using world = await World.start();

    world.createPod('a', { initContainers: [container('first')] });
    await world.until(() => statusOf(world, 'first')?.state?.running);

    expect(statusOf(world)?.state?.waiting?.reason).toBe('PodInitializing');
    expect(findCondition(world.pod('a')?.status?.conditions, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [first]',
    });
  });

  it('tells of the end of a pod only when its sidecars have ended too', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('side', { stopMs: 5000 });
    world.createPod('a', { restartPolicy: 'Never', initContainers: [container('side', { restartPolicy: 'Always' })] });
    await world.until(() => statusOf(world)?.state?.running);

    world.runtime.exit('web', 0);
    await world.until(() => statusOf(world)?.state?.terminated);
    expect(world.pod('a')?.status?.phase).toBe('Running');
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Succeeded');

    expect(world.runtime.latest('side')?.state).toBe('exited');
  });

  it('tells that a pod was too old only when nothing of it runs any more', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 5000 });
    world.createPod('a', { activeDeadlineSeconds: 20 });
    await world.until(() => statusOf(world)?.state?.running);

    await world.advanceUntil(() => findCondition(world.pod('a')?.status?.conditions, 'Ready')?.status === 'False');
    expect(world.pod('a')?.status).toMatchObject({ phase: 'Running' });
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Failed');

    expect(world.pod('a')?.status?.reason).toBe('DeadlineExceeded');
    expect(world.runtime.latest('web')?.state).toBe('exited');
  });

  it('runs an ephemeral container that is added to a running pod, once', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('debug', { exitCode: 0 });
    world.createPod('a');
    await world.until(() => statusOf(world)?.state?.running);

    const ephemeralContainers = [{ name: 'debug', image: 'debug:1' }];
    world.client.change(Pod, { name: 'a', namespace: 'default' }, (pod) => {
      pod.spec = { ...pod.spec, containers: pod.spec?.containers ?? [], ephemeralContainers };
    });
    const status = () => world.pod('a')?.status?.ephemeralContainerStatuses?.[0];
    await world.until(() => status()?.state?.terminated);
    await world.advance(120_000);

    expect(status()).toMatchObject({
      name: 'debug',
      restartCount: 0,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
    expect(world.pod('a')?.status?.phase).toBe('Running');
    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual(['start web', 'start debug']);
  });

  it('lets an ephemeral container see the processes of the one that it names', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => statusOf(world)?.state?.running);

    const ephemeralContainers = [{ name: 'debug', image: 'debug:1', targetContainerName: 'web' }];
    world.client.change(Pod, { name: 'a', namespace: 'default' }, (pod) => {
      pod.spec = { ...pod.spec, containers: pod.spec?.containers ?? [], ephemeralContainers };
    });
    await world.until(() => world.pod('a')?.status?.ephemeralContainerStatuses?.[0]?.state?.running);

    expect(world.runtime.latest('debug')?.config.targetContainerId).toBe(world.runtime.latest('web')?.id);
    expect(world.runtime.latest('web')?.config.targetContainerId).toBeUndefined();
  });

  it('pulls an image once for all pods that want it at the same time', async () => {
    await using world = await World.start();
    const containers = [container('web', { imagePullPolicy: 'Always' })];
    const { promise, resolve } = Promise.withResolvers<void>();
    world.runtime.pullable = promise;

    for (const name of ['a', 'b', 'c']) world.createPod(name, { containers });
    await world.until(() => world.reasons().filter((reason) => reason === 'Pulling').length === 3);
    resolve();
    await world.until(() => ['a', 'b', 'c'].every((name) => world.pod(name)?.status?.phase === 'Running'));

    expect(world.runtime.journal.filter((line) => line.startsWith('pull'))).toEqual(['pull web:1']);
    expect(world.reasons().filter((reason) => reason === 'Pulling')).toHaveLength(3);
  });

  it('writes the status of a pod that starts at most three times', async () => {
    await using world = await World.start();

    world.createPod('a');
    await world.until(() => findCondition(world.pod('a')?.status?.conditions, 'Ready')?.status === 'True');
    await world.advance(5000);

    expect(world.client.writes.filter((line) => line === 'patch pods/status a').length).toBeLessThanOrEqual(3);
  });

  it('refers events about a container to its place in the pod', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('first', { exitCode: 0 });

    world.createPod('a', { initContainers: [container('first')] });
    await world.until(() => statusOf(world)?.state?.running);

    const started = world.events.filter(({ reason }) => reason === 'Started').map(({ about }) => about);
    expect(started).toMatchObject([
      { kind: 'Pod', name: 'a', fieldPath: 'spec.initContainers{first}' },
      { kind: 'Pod', name: 'a', fieldPath: 'spec.containers{web}' },
    ]);
  });

  it('tells of an image that cannot be had as upstream does', async () => {
    await using world = await World.start();
    world.runtime.missingImages.add('web:1');

    world.createPod('a');
    await world.advanceUntil(() => statusOf(world)?.state?.waiting?.reason === 'ImagePullBackOff');

    const about = world.events.filter((event) => event.about.kind === 'Pod');
    expect(about.map(({ type, reason, message }) => `${type} ${reason}: ${message}`)).toEqual([
      'Normal Pulling: Pulling image "web:1"',
      'Warning Failed: Failed to pull image "web:1": manifest for web:1 not found',
      'Warning Failed: Error: ErrImagePull',
      'Normal BackOff: Back-off pulling image "web:1"',
      'Warning Failed: Error: ImagePullBackOff',
    ]);
  });
});

describe('Kubelet: what becomes known late', () => {
  it('says that the kernel was short of memory, also of a pod that has ended', async () => {
    await using world = await World.start();
    world.createPod('a', { restartPolicy: 'Never' });
    await world.until(() => statusOf(world)?.state?.running);

    world.runtime.exit('web', 137);
    await world.until(() => world.pod('a')?.status?.phase === 'Failed');
    const ended = world.runtime.latest('web');
    if (ended) ended.reason = 'OOMKilled';
    world.runtime.resync();

    await world.until(() => statusOf(world)?.state?.terminated?.reason === 'OOMKilled');
    expect(world.pod('a')?.status?.phase).toBe('Failed');
  });

  it('gives an image that took credentials to no pod without them, though it is on the node', async () => {
    await using world = await World.start();
    world.runtime.remoteImages.add('team/web:1');
    world.runtime.owners.set('team/web:1', 'somebody');
    const auths = { 'docker.io': { username: 'somebody', password: 'p' } };
    const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
    world.client.create(Secret, { metadata: { name: 'key', namespace: 'default' }, data });
    const containers = [container('web', { image: 'team/web:1', imagePullPolicy: 'IfNotPresent' })];
    const waiting = (name: string) => world.pod(name)?.status?.containerStatuses?.[0]?.state?.waiting;
    world.createPod('owner', { containers, imagePullSecrets: [{ name: 'key' }] });
    await world.until(() => world.pod('owner')?.status?.phase === 'Running');

    world.createPod('thief', { containers });
    world.createPod('friend', { containers, imagePullSecrets: [{ name: 'key' }] });
    world.createPod('never', { containers: [container('web', { image: 'team/web:1', imagePullPolicy: 'Never' })] });

    await world.until(() => world.pod('friend')?.status?.phase === 'Running');
    await world.until(() => waiting('thief')?.reason === 'ErrImagePull');
    await world.until(() => waiting('never')?.reason === 'ErrImageNeverPull');
    expect(world.runtime.journal.filter((line) => line.startsWith('pull'))).toEqual(['pull team/web:1']);
  });

  it('tries all pull secrets that fit, and tells what each came to if none will do', async () => {
    await using world = await World.start();
    const secret = (username: string) => {
      const auths = { 'docker.io': { username, password: 'p' } };
      const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
      world.client.create(Secret, { metadata: { name: username, namespace: 'default' }, data });
    };
    for (const name of ['old', 'older', 'somebody']) secret(name);
    world.runtime.remoteImages.add('team/web:1');
    world.runtime.owners.set('team/web:1', 'somebody');
    const containers = [container('web', { image: 'team/web:1', imagePullPolicy: 'IfNotPresent' })];
    const state = (name: string) => world.pod(name)?.status?.containerStatuses?.[0]?.state;

    world.createPod('b', { containers, imagePullSecrets: [{ name: 'old' }, { name: 'older' }] });
    await world.until(() => state('b')?.waiting?.reason === 'ErrImagePull');
    world.createPod('a', { containers, imagePullSecrets: [{ name: 'old' }, { name: 'somebody' }] });
    await world.until(() => state('a')?.running);

    expect(state('b')?.waiting?.message).toBe('[pull access denied, pull access denied]');
  });
});
