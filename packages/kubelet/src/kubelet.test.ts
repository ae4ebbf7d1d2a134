import { describe, expect, it } from 'vitest';
import { readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findCondition } from '@keelson/api';
import { Lease } from '@keelson/api/coordination/v1';
import { ConfigMap, Node, Pod, type ContainerStatus } from '@keelson/api/core/v1';
import { sandboxConfig } from '@keelson/runtime/testing';
import { ok } from './testing/memory-runtime.ts';
import { container, World } from './testing/world.ts';

function statusOf(world: World, pod: string, name = 'web'): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = world.pod(pod)?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

function condition(world: World, pod: string, type: string): string | undefined {
  return findCondition(world.pod(pod)?.status?.conditions, type)?.status;
}

describe('Kubelet: running pods', () => {
  it('brings a pod to Running and Ready', async () => {
    await using world = await World.start();

    world.createPod('a');
    await world.until(() => condition(world, 'a', 'Ready') === 'True');

    const { status } = world.pod('a') ?? {};
    expect(status).toMatchObject({
      phase: 'Running',
      podIP: '127.0.0.1',
      hostIP: '127.0.0.1',
      qosClass: 'BestEffort',
      observedGeneration: 1,
    });
    expect(statusOf(world, 'a')).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
      containerID: expect.stringMatching(/^mem:\/\//),
    });
    expect(status?.conditions?.map(({ type, status: verdict }) => `${type}=${verdict}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
    expect(world.reasons('Pod')).toEqual(['Pulled', 'Created', 'Started']);
  });

  it('runs init containers one after the other, then a sidecar, then the main containers', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('first', { exitCode: 0 }).set('second', { exitCode: 0 });

    world.createPod('a', {
      initContainers: [container('first'), container('side', { restartPolicy: 'Always' }), container('second')],
    });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual([
      'start first',
      'start side',
      'start second',
      'start web',
    ]);
    await world.until(() => condition(world, 'a', 'Initialized') === 'True');
  });

  it('fails a pod under Never whose init container fails, and never starts its main container', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('first', { exitCode: 3 });

    world.createPod('a', { restartPolicy: 'Never', initContainers: [container('first')] });
    await world.until(() => world.pod('a')?.status?.phase === 'Failed');

    expect(world.runtime.latest('web')).toBeUndefined();
    expect(statusOf(world, 'a', 'first')?.state?.terminated?.exitCode).toBe(3);
  });

  it.each([
    { policy: 'Never', exitCode: 0, phase: 'Succeeded' },
    { policy: 'Never', exitCode: 1, phase: 'Failed' },
    { policy: 'OnFailure', exitCode: 0, phase: 'Succeeded' },
  ])('ends a pod under $policy whose container exits with $exitCode as $phase', async ({ policy, exitCode, phase }) => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { exitCode });

    world.createPod('a', { restartPolicy: policy });
    await world.until(() => world.pod('a')?.status?.phase === phase);

    await world.advance(60_000);
    expect(statusOf(world, 'a')?.restartCount).toBe(0);
    await world.until(() => [...world.runtime.sandboxes.values()].every(({ state }) => state === 'not-ready'));
  });

  it('restarts a crashing container with growing delays while the pod stays Running', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { exitCode: 1 });
    const startTimes: number[] = [];
    const begin = world.clock.now();
    world.runtime.events$.subscribe(
      ({ type }) => type === 'container-started' && startTimes.push((world.clock.now() - begin) / 1000),
    );

    world.createPod('a');
    await world.until(() => statusOf(world, 'a')?.state?.waiting?.reason === 'CrashLoopBackOff');
    await world.advanceUntil(() => startTimes.length === 6, 1000);
    await world.until(() => statusOf(world, 'a')?.restartCount === 5);

    expect(startTimes).toEqual([0, 0, 10, 30, 70, 150]);
    expect(world.pod('a')?.status?.phase).toBe('Running');
    await world.until(() => statusOf(world, 'a')?.lastState?.terminated?.exitCode === 1);
    expect(world.events.find(({ reason }) => reason === 'BackOff')?.message).toMatch(
      /^Back-off restarting failed container web in pod a_default\(/,
    );
    expect(statusOf(world, 'a')?.state?.waiting?.message).toMatch(
      /^back-off 2m40s restarting failed container=web pod=a_default\(/,
    );
  });

  it('says why an image cannot be had, and tries again', async () => {
    await using world = await World.start();
    world.runtime.missingImages.add('web:1');

    world.createPod('a');
    await world.until(() => statusOf(world, 'a')?.state?.waiting?.reason === 'ErrImagePull');
    await world.advanceUntil(() => statusOf(world, 'a')?.state?.waiting?.reason === 'ImagePullBackOff');
    expect(world.pod('a')?.status?.phase).toBe('Pending');
    world.runtime.missingImages.clear();
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');

    expect(world.events.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['Pulling image "web:1"', 'Error: ErrImagePull', 'Back-off pulling image "web:1"']),
    );
  });

  it.each([
    { image: 'UPPER/x y', policy: 'Always', reason: 'InvalidImageName' },
    { image: 'gone:1', policy: 'Never', reason: 'ErrImageNeverPull' },
  ])('refuses the image "$image" with $reason', async ({ image, policy, reason }) => {
    await using world = await World.start();
    world.runtime.missingImages.add('gone:1');

    world.createPod('a', { containers: [container('web', { image, imagePullPolicy: policy })] });

    await world.until(() => statusOf(world, 'a')?.state?.waiting?.reason === reason);
  });

  it('waits with CreateContainerConfigError for configuration that is missing', async () => {
    await using world = await World.start();
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }];

    world.createPod('a', { containers: [container('web', { env })] });
    await world.until(() => statusOf(world, 'a')?.state?.waiting?.reason === 'CreateContainerConfigError');
    expect(statusOf(world, 'a')?.state?.waiting?.message).toBe('configmap "c" not found');
    world.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { k: 'v' } });
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');

    expect(world.runtime.latest('web')?.config.env).toContainEqual({ name: 'A', value: 'v' });
  });

  it('reports a process that cannot be started as RunContainerError', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { startError: 'exec: "nope": executable file not found in $PATH' });
    // It starts again at once, so that one look may come too late.
    const reasons: (string | undefined)[] = [];
    world.client.podsOf('n1').deltas$.subscribe(() => reasons.push(statusOf(world, 'a')?.state?.waiting?.reason));

    world.createPod('a');

    await world.until(() => statusOf(world, 'a')?.lastState?.terminated);
    expect(reasons).toContain('RunContainerError');
    expect(statusOf(world, 'a')?.lastState?.terminated).toMatchObject({ reason: 'StartError', exitCode: 127 });
  });

  it('makes a new sandbox when the old one has died, and keeps the restart count', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    const [sandbox] = world.runtime.sandboxes.values();
    await world.runtime.stopSandbox(sandbox?.id ?? '');
    await world.until(() => statusOf(world, 'a')?.restartCount === 1 && statusOf(world, 'a')?.state?.running);

    expect(world.reasons()).toContain('SandboxChanged');
  });

  it('restarts a container whose image was changed', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.change(
      Pod,
      { name: 'a', namespace: 'default' },
      (pod) => void (pod.spec = { ...pod.spec, containers: [container('web', { image: 'web:2' })] }),
    );
    await world.until(() => statusOf(world, 'a')?.image === 'web:2' && statusOf(world, 'a')?.state?.running);

    expect(statusOf(world, 'a')?.restartCount).toBe(1);
    expect(world.events.map(({ message }) => message)).toContain('Container web definition changed, will be restarted');
  });

  it('fails a pod that is active for longer than it may', async () => {
    await using world = await World.start();
    world.createPod('a', { activeDeadlineSeconds: 20 });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Failed');

    expect(world.pod('a')?.status?.reason).toBe('DeadlineExceeded');
    await world.until(() => world.runtime.latest('web')?.state === 'exited');
  });

  it('refuses a pod that does not fit, without starting anything', async () => {
    await using world = await World.start();

    world.createPod('big', { containers: [container('web', { resources: { requests: { cpu: '8' } } })] });
    world.createPod('picky', { nodeSelector: { disk: 'ssd' } });
    await world.until(() => world.pod('big')?.status?.phase === 'Failed' && world.pod('picky')?.status?.phase === 'Failed');

    expect(world.pod('big')?.status).toMatchObject({
      reason: 'OutOfcpu',
      message: expect.stringContaining('requested: 8000, used: 0, capacity: 4000'),
    });
    expect(world.pod('picky')?.status?.reason).toBe('NodeAffinity');
    expect(world.runtime.journal).toEqual([]);
  });

  it('takes a pod for a label that the node got since it was last looked at', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.change(Node, { name: 'n1' }, ({ metadata }) => void Object.assign(metadata?.labels ?? {}, { disk: 'ssd' }));
    world.createPod('picky', { nodeSelector: { disk: 'ssd' } });

    await world.until(() => world.pod('picky')?.status?.phase === 'Running');
  });

  it('leaves conditions of others alone and keeps Ready False until a readiness gate opens', async () => {
    await using world = await World.start();
    world.createPod('a', { readinessGates: [{ conditionType: 'x/gate' }] });
    await world.until(() => condition(world, 'a', 'ContainersReady') === 'True');
    expect(findCondition(world.pod('a')?.status?.conditions, 'Ready')?.reason).toBe('ReadinessGatesNotReady');

    world.client.change(
      Pod,
      { name: 'a', namespace: 'default' },
      (pod) => void pod.status?.conditions?.push({ type: 'x/gate', status: 'True' }),
    );
    await world.until(() => condition(world, 'a', 'Ready') === 'True');

    expect(condition(world, 'a', 'x/gate')).toBe('True');
  });

  it('writes nothing while nothing changes', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => condition(world, 'a', 'Ready') === 'True');
    const before = world.client.writes.filter((line) => line.startsWith('patch pods')).length;

    await world.advance(300_000);

    expect(world.client.writes.filter((line) => line.startsWith('patch pods'))).toHaveLength(before);
  });
});

describe('Kubelet: ending pods', () => {
  it('ends a deleted pod with grace: hook, signal, final status, and only when nothing is left of it deletes it from the API', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 5000 });
    world.createPod('a', { containers: [container('web', { lifecycle: { preStop: { exec: { command: ['bye'] } } } })] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    const uid = world.pod('a')?.metadata?.uid ?? '';

    world.deletePod('a', 30);
    await world.until(() => world.runtime.journal.includes('stop web 30'));
    expect(world.pod('a')).toBeDefined();
    await world.advanceUntil(() => world.pod('a') === undefined);

    expect(world.runtime.journal).toEqual(['sandbox a', 'start web', 'exec bye', 'stop web 30']);
    const own = world.client.writes.filter((line) => line.includes(' a'));
    expect(own.at(-1)).toBe('delete pods a 0');
    expect(own.at(-2)).toBe('patch pods/status a');
    expect(world.runtime.sandboxes.size).toBe(0);
    await expect(stat(join(world.rootDir, 'pods', uid))).rejects.toThrow('ENOENT');
  });

  it('kills what does not end within its grace period', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 100_000 });
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    const begin = world.clock.now();

    world.deletePod('a', 7);
    await world.until(() => world.runtime.journal.includes('stop web 7'));
    await world.advanceUntil(() => world.runtime.latest('web')?.state !== 'running');

    expect(world.clock.now() - begin).toBeLessThanOrEqual(8000);
  });

  it('lets a shorter grace period overtake a longer one', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 100_000 });
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    const begin = world.clock.now();

    world.deletePod('a', 60);
    await world.until(() => world.runtime.journal.includes('stop web 60'));
    world.deletePod('a', 3);
    await world.until(() => world.runtime.journal.includes('stop web 3'));
    await world.advanceUntil(() => world.runtime.latest('web')?.state !== 'running');

    expect(world.clock.now() - begin).toBeLessThanOrEqual(4000);
    expect(world.events.filter(({ reason }) => reason === 'Killing')).toHaveLength(1);
  });

  it('leaves at least two seconds for the signal after a preStop hook has used up the grace period', async () => {
    await using world = await World.start();
    world.createPod('a', { containers: [container('web', { lifecycle: { preStop: { sleep: { seconds: 100 } } } })] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.deletePod('a', 5);
    await world.advanceUntil(() => world.pod('a') === undefined);

    expect(world.runtime.journal.at(-1)).toBe('stop web 2');
    expect(world.reasons()).toContain('FailedPreStopHook');
  });

  it('ends sidecars after the main containers, the last one first', async () => {
    await using world = await World.start();
    const initContainers = [container('one', { restartPolicy: 'Always' }), container('two', { restartPolicy: 'Always' })];
    world.createPod('a', { initContainers });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.deletePod('a', 30);
    await world.until(() => world.pod('a') === undefined);

    expect(world.runtime.journal.filter((line) => line.startsWith('stop')).map((line) => line.split(' ')[1])).toEqual([
      'web',
      'two',
      'one',
    ]);
  });

  it('runs the hooks of sidecars at once, and lets those that have waited for the whole grace period wait no longer', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 100_000 });
    const lifecycle = { preStop: { exec: { command: ['bye'] } } };
    const initContainers = [
      container('one', { restartPolicy: 'Always', lifecycle }),
      container('two', { restartPolicy: 'Always' }),
    ];
    world.createPod('a', { initContainers });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.deletePod('a', 30);
    await world.until(() => world.runtime.journal.includes('stop web 30'));
    expect(world.runtime.journal.slice(-2).toSorted()).toEqual(['exec bye', 'stop web 30']);
    await world.advanceUntil(() => world.pod('a') === undefined);

    expect(world.runtime.journal.slice(-2).toSorted()).toEqual(['stop one 2', 'stop two 2']);
  });

  it('stops sidecars once the main container has ended for good', async () => {
    await using world = await World.start();
    world.createPod('a', { restartPolicy: 'Never', initContainers: [container('side', { restartPolicy: 'Always' })] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.runtime.exit('web', 0);

    await world.until(() => world.pod('a')?.status?.phase === 'Succeeded');
    await world.until(() => world.runtime.latest('side')?.state === 'exited');
  });

  it('stops what was removed from the API by force', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.remove(Pod, { name: 'a', namespace: 'default' });

    await world.until(() => world.runtime.sandboxes.size === 0);
  });

  it('ends a pod before it begins another one of the same name', async () => {
    await using world = await World.start();
    world.runtime.scripts.set('web', { stopMs: 5000 });
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    world.client.remove(Pod, { name: 'a', namespace: 'default' });
    world.createPod('a', { containers: [container('next')] });
    await world.until(() => world.runtime.journal.includes('stop web 2'));
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');

    expect(world.runtime.journal).toEqual(['sandbox a', 'start web', 'stop web 2', 'sandbox a', 'start next']);
  });
});

describe('Kubelet: faults', () => {
  it('takes up running containers after a restart without touching them', async () => {
    await using world = await World.start();
    world.createPod('a', { containers: [container('web', { readinessProbe: { exec: { command: ['ok'] } } })] });
    await world.advanceUntil(() => condition(world, 'a', 'Ready') === 'True');
    const before = structuredClone(world.pod('a')?.status);

    await world.restart();
    await world.advance(120_000);

    expect(world.pod('a')?.status).toEqual(before);
    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual(['start web']);
  });

  it('removes pods that vanished from the API while it was away', async () => {
    await using world = await World.start();
    world.createPod('a');
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    await world.kubelet.stop();
    world.client.remove(Pod, { name: 'a', namespace: 'default' });

    await world.restart();
    await world.advanceUntil(() => world.runtime.sandboxes.size === 0, 10_000);

    expect(world.runtime.journal.at(-1)).toBe('stop web 2');
  });

  it('leaves the pods of another kubelet on the same runtime alone', async () => {
    await using world = await World.start();
    await world.runtime.runSandbox(sandboxConfig('u', { labels: { 'io.keelson.node': 'n2' } }));

    await world.advanceUntil(() => world.clock.now() > Date.UTC(2026, 0, 1, 0, 2), 10_000);

    expect(world.runtime.sandboxes.size).toBe(1);
  });

  it('carries on when the runtime goes away and comes back', async () => {
    await using world = await World.start();
    world.runtime.down = true;
    world.createPod('a');
    await world.advanceUntil(
      () => findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, 'Ready')?.status === 'False',
    );
    world.runtime.down = false;

    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
    await world.advanceUntil(
      () => findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, 'Ready')?.status === 'True',
    );
    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual(['start web']);
  });

  it('writes the status again when the API comes back', async () => {
    await using world = await World.start();
    world.createPod('a');
    world.client.down = true;
    await world.until(() => world.runtime.latest('web')?.state === 'running');
    await world.advance(5000);
    world.client.down = false;

    await world.advanceUntil(() => condition(world, 'a', 'Ready') === 'True');
  });
});

describe('Kubelet: probes', () => {
  it('is not ready before the readiness probe passes, and not after it fails three times', async () => {
    await using world = await World.start();
    let exitCode = 1;
    world.runtime.exec1 = () => ok('out', exitCode);
    const readinessProbe = { exec: { command: ['probe'] }, periodSeconds: 5 };

    world.createPod('a', { containers: [container('web', { readinessProbe })] });
    await world.until(() => statusOf(world, 'a')?.state?.running);
    await world.advance(20_000);
    expect(condition(world, 'a', 'Ready')).toBe('False');
    exitCode = 0;
    await world.advanceUntil(() => condition(world, 'a', 'Ready') === 'True');
    exitCode = 1;
    const since = world.clock.now();
    await world.advanceUntil(() => condition(world, 'a', 'Ready') === 'False');

    expect(world.clock.now() - since).toBeGreaterThanOrEqual(10_000);
    expect(world.events.find(({ reason }) => reason === 'Unhealthy')?.message).toBe('Readiness probe failed: out');
    expect(statusOf(world, 'a')?.restartCount).toBe(0);
  });

  it('kills a container whose liveness probe fails, once, with the grace period of the probe', async () => {
    await using world = await World.start();
    world.runtime.exec1 = (id) => ok('', world.runtime.containers.get(id)?.attempt === 0 ? 1 : 0);
    const livenessProbe = {
      exec: { command: ['probe'] },
      periodSeconds: 1,
      failureThreshold: 2,
      terminationGracePeriodSeconds: 4,
    };

    world.createPod('a', { containers: [container('web', { livenessProbe })] });
    await world.advanceUntil(() => statusOf(world, 'a')?.restartCount === 1);
    await world.advance(30_000);

    expect(world.runtime.journal.filter((line) => line.startsWith('stop'))).toEqual(['stop web 4']);
    expect(world.events.map(({ message }) => message)).toContain('Container web failed liveness probe, will be restarted');
    expect(statusOf(world, 'a')?.restartCount).toBe(1);
  });

  it('holds liveness back until the startup probe has passed', async () => {
    await using world = await World.start();
    let started = false;
    world.runtime.exec1 = (_id, [command]) => ok('', command === 'startup' && !started ? 1 : 0);
    const startupProbe = { exec: { command: ['startup'] }, periodSeconds: 1, failureThreshold: 100 };
    const livenessProbe = { exec: { command: ['live'] }, periodSeconds: 1 };

    world.createPod('a', { containers: [container('web', { startupProbe, livenessProbe })] });
    await world.until(() => statusOf(world, 'a')?.state?.running);
    await world.advance(10_000);
    expect(world.runtime.journal).not.toContain('exec live');
    expect(statusOf(world, 'a')).toMatchObject({ started: false, ready: false });
    started = true;
    await world.advanceUntil(() => statusOf(world, 'a')?.ready);

    expect(world.runtime.journal).toContain('exec live');
  });

  it('spreads the probes of containers that it takes up after a restart over their period', async () => {
    await using world = await World.start();
    let probes = 0;
    world.runtime.exec1 = () => ((probes += 1), ok(''));
    const readinessProbe = { exec: { command: ['ready'] }, periodSeconds: 100 };
    for (let at = 0; at < 10; at += 1) world.createPod(`p${at}`, { containers: [container('web', { readinessProbe })] });
    await world.advanceUntil(() => Array.from({ length: 10 }).every((_, at) => condition(world, `p${at}`, 'Ready') === 'True'));

    await world.restart();
    await world.advance(1000);
    expect(probes).toBeLessThan(15);
    await world.advance(100_000);

    expect(probes).toBeGreaterThanOrEqual(20);
    expect(condition(world, 'p0', 'Ready')).toBe('True');
  });

  it('kills a container whose postStart hook fails', async () => {
    await using world = await World.start();
    world.runtime.exec1 = () => ok('no', 1);

    world.createPod('a', { containers: [container('web', { lifecycle: { postStart: { exec: { command: ['hook'] } } } })] });

    await world.until(() => world.runtime.journal.some((line) => line.startsWith('stop web')));
    expect(world.reasons()).toContain('FailedPostStartHook');
  });
});

describe('Kubelet: volumes', () => {
  it('stays in ContainerCreating with FailedMount until a ConfigMap exists, and follows its changes', async () => {
    await using world = await World.start();
    const volumes = [{ name: 'v', configMap: { name: 'c' } }];
    const volumeMounts = [{ name: 'v', mountPath: '/etc/v' }];

    world.createPod('a', { volumes, containers: [container('web', { volumeMounts })] });
    await world.until(() => world.reasons().includes('FailedMount'));
    await world.until(() => statusOf(world, 'a')?.state?.waiting?.reason === 'ContainerCreating');
    expect(world.events.find(({ reason }) => reason === 'FailedMount')?.message).toBe(
      'MountVolume.SetUp failed for volume "v" : configmap "c" not found',
    );
    world.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { k: 'one' } });
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
    const mount = world.runtime.latest('web')?.config.mounts.find(({ containerPath }) => containerPath === '/etc/v');
    const file = join(mount?.hostPath ?? '', 'k');
    expect(await readFile(file, 'utf8')).toBe('one');
    expect(await readlink(file)).toBe('..data/k');

    world.client.change(ConfigMap, { name: 'c', namespace: 'default' }, (map) => void (map.data = { k: 'two' }));
    await world.advanceUntil(() => world.clock.now() > Date.UTC(2026, 0, 1, 0, 3), 10_000);

    await expect.poll(() => readFile(file, 'utf8')).toBe('two');
  });

  it('gets a token for a service account and a new one when 80 % of its life is over', async () => {
    await using world = await World.start();
    const volumes = [
      { name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }] } },
    ];

    const containers = [container('web', { volumeMounts: [{ name: 't', mountPath: '/t' }] })];
    world.createPod('a', { volumes, containers });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
    const tokens = () => world.client.writes.filter((line) => line.startsWith('token')).length;
    expect(tokens()).toBe(1);
    await world.advanceUntil(() => tokens() === 2, 60_000);

    expect(world.clock.now() - Date.UTC(2026, 0, 1)).toBeGreaterThanOrEqual(2_880_000);
    expect(world.clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(3_600_000);
  });
});

describe('Kubelet: the node', () => {
  it('registers itself with labels, capacity and conditions', async () => {
    await using world = await World.start({ labels: { zone: 'a' }, maxPods: 5, podCidr: '10.1.0.0/24' });

    await world.until(() => world.client.read(Node, { name: 'n1' }));

    const node = world.client.read(Node, { name: 'n1' });
    expect(node?.metadata?.labels).toMatchObject({ 'kubernetes.io/hostname': 'n1', 'kubernetes.io/os': 'linux', zone: 'a' });
    expect(node?.spec).toEqual({ podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] });
    expect(node?.status?.capacity).toEqual({ cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi', pods: '5' });
    expect(node?.status?.nodeInfo?.kubeletVersion).toBe('v1.36.0');
    expect(node?.status?.conditions?.map(({ type }) => type)).toEqual(['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready']);
  });

  it('has a range of each family, and keeps both of its addresses when its status changes', async () => {
    const addresses = [
      { type: 'InternalIP', address: '10.1.0.1' },
      { type: 'InternalIP', address: 'fd00:1::1' },
      { type: 'Hostname', address: 'n1' },
    ];
    await using world = await World.start({ addresses, podCidr: '10.1.0.0/24,fd00:1::/64' });
    await world.until(() => world.client.read(Node, { name: 'n1' }));
    const before = world.client.writes.length;

    await world.advanceUntil(() => world.client.writes.slice(before).includes('patch nodes/status n1'), 10_000);

    const node = world.client.read(Node, { name: 'n1' });
    expect(node?.spec).toEqual({ podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'] });
    expect(node?.status?.addresses).toEqual(addresses);
    await world.until(() => world.runtime.podCidrs.length === 2);
  });

  it('gives amounts in the form in which the API gives them back', async () => {
    await using world = await World.start({ capacity: { cpu: '4000m', memory: '1024Mi', 'ephemeral-storage': '1Gi' } });

    await world.until(() => world.client.read(Node, { name: 'n1' }));

    expect(world.client.read(Node, { name: 'n1' })?.status?.allocatable).toMatchObject({ cpu: '4', memory: '1Gi' });
  });

  it('renews its lease every 10 s, and writes its status only when due', async () => {
    await using world = await World.start();
    await world.until(() => world.client.read(Lease, { name: 'n1', namespace: 'kube-node-lease' }));
    await world.advance(1000);
    world.client.writes.length = 0;

    await world.advanceUntil(() => world.clock.now() >= Date.UTC(2026, 0, 1, 0, 5, 30), 10_000);

    const lease = world.client.read(Lease, { name: 'n1', namespace: 'kube-node-lease' });
    expect(lease?.spec).toMatchObject({ holderIdentity: 'n1', leaseDurationSeconds: 40 });
    expect(world.client.writes.filter((line) => line === 'patch leases n1').length).toBeGreaterThanOrEqual(30);
    expect(world.client.writes.filter((line) => line === 'patch nodes/status n1').length).toBeLessThanOrEqual(2);
  });

  it('counts what somebody adds to its capacity as allocatable, and lets pods have it', async () => {
    await using world = await World.start();
    await world.until(() => world.client.read(Node, { name: 'n1' }));
    const add = { status: { capacity: { 'example.com/gpu': '2' } } };
    await world.client.resource(Node).patchStatus({ name: 'n1' }, 'merge', add);

    const allocatable = () => world.client.read(Node, { name: 'n1' })?.status?.allocatable;
    await world.advanceUntil(() => allocatable()?.['example.com/gpu'] === '2', 10_000);
    const resources = { requests: { 'example.com/gpu': '2' }, limits: { 'example.com/gpu': '2' } };
    world.createPod('a', { containers: [container('web', { resources })] });

    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
  });

  it('says that it is ready as soon as it sees that others believe it is not', async () => {
    await using world = await World.start();
    const ready = () => findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, 'Ready')?.status;
    await world.until(() => ready() === 'True');
    const doubt = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } };
    await world.client.resource(Node).patchStatus({ name: 'n1' }, 'strategic', doubt);
    expect(ready()).toBe('Unknown');

    await world.advanceUntil(() => ready() === 'True', 10_000);

    expect(world.clock.now()).toBeLessThan(Date.UTC(2026, 0, 1, 0, 2));
  });

  it('comes back when somebody deletes its node', async () => {
    await using world = await World.start();
    await world.until(() => world.client.read(Node, { name: 'n1' }));
    await world.advance(1000);

    world.client.remove(Node, { name: 'n1' });

    await world.advanceUntil(() => world.client.read(Node, { name: 'n1' }), 10_000);
  });
});
