import { controllerOf, nameOf, uidOf } from '@keelson/api';
import type { DaemonSetSpec } from '@keelson/api/apps/v1';
import { Node, Pod, type NodeSpec, type PodSpec } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templateOf } from '../pod-control/testing/workload-world.ts';
import { DaemonWorld, imagePatch } from './testing/daemon-world.ts';

function templateWith(spec: Partial<PodSpec>): DaemonSetSpec['template'] {
  const { metadata, spec: base } = templateOf('agent');
  return { metadata, spec: { containers: [], ...base, ...spec } };
}

const rolling = (rollingUpdate: object): Partial<DaemonSetSpec> => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } });

describe('daemonSetController', () => {
  let daemons: DaemonWorld;

  beforeEach(async () => {
    daemons = await DaemonWorld.start('n1', 'n2', 'n3');
  });

  afterEach(() => daemons[Symbol.asyncDispose]());

  it('makes a pod for each node, which only that node can get', async () => {
    const set = await daemons.create();
    const [pod] = await daemons.on('n2');
    await daemons.arrive();

    expect(pod?.metadata).toMatchObject({ generateName: 'agent-', labels: { app: 'agent', 'pod-template-generation': '1' } });
    expect(controllerOf(pod ?? {})).toMatchObject({ kind: 'DaemonSet', name: 'agent', uid: uidOf(set) });
    expect(pod?.spec?.nodeName).toBeUndefined();
    expect(pod?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] }],
    });
    expect(pod?.spec?.tolerations).toEqual([
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
      { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
    ]);
    expect((await daemons.set).status).toEqual({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
      numberReady: 3,
      updatedNumberScheduled: 3,
      numberAvailable: 3,
      observedGeneration: 1,
    });
    expect(await daemons.world.messages('SuccessfulCreate')).toHaveLength(3);
  });

  it.each<{ title: string; spec: Partial<PodSpec>; node: NodeSpec & { labels?: Record<string, string> }; want: boolean }>([
    { title: 'any node', spec: {}, node: {}, want: true },
    { title: 'a cordoned node', spec: {}, node: { unschedulable: true }, want: true },
    { title: 'another node than the one named', spec: { nodeName: 'n1' }, node: {}, want: false },
    { title: 'a node without the label', spec: { nodeSelector: { disk: 'ssd' } }, node: {}, want: false },
    { title: 'a node with the label', spec: { nodeSelector: { disk: 'ssd' } }, node: { labels: { disk: 'ssd' } }, want: true },
    { title: 'a tainted node', spec: {}, node: { taints: [{ key: 'a', effect: 'NoSchedule' }] }, want: false },
    { title: 'a node to be avoided', spec: {}, node: { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] }, want: true },
    {
      title: 'a tainted node that is tolerated',
      spec: { tolerations: [{ key: 'a', operator: 'Exists' }] },
      node: { taints: [{ key: 'a', effect: 'NoSchedule' }] },
      want: true,
    },
    {
      title: 'a node that is not ready',
      spec: {},
      node: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }] },
      want: true,
    },
    {
      title: 'a node without a network',
      spec: {},
      node: { taints: [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }] },
      want: false,
    },
    {
      title: 'a node without a network, in the network of the host',
      spec: { hostNetwork: true },
      node: { taints: [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }] },
      want: true,
    },
  ])('on $title: $want', async ({ spec, node, want }) => {
    await daemons.create({ template: templateWith(spec) });
    await daemons.addNode('late', node);

    expect(await daemons.on('late')).toHaveLength(want ? 1 : 0);
  });

  it('follows nodes that come, go, and change', async () => {
    await daemons.create({ template: templateWith({ nodeSelector: { disk: 'ssd' } }) });
    const none = await daemons.images();
    await daemons.patchNode('n1', { metadata: { labels: { disk: 'ssd' } } });
    await daemons.patchNode('n2', { metadata: { labels: { disk: 'ssd' } } });
    await daemons.arrive();
    const two = await daemons.images();
    await daemons.patchNode('n1', { metadata: { labels: { disk: null } } });
    const ending = await daemons.images();
    const { status } = await daemons.set;
    await daemons.arrive();

    expect([none, two]).toEqual([[], ['n1 nginx:1', 'n2 nginx:1']]);
    expect(ending).toEqual(['n1 nginx:1 ends', 'n2 nginx:1']);
    expect(status).toMatchObject({ desiredNumberScheduled: 1, currentNumberScheduled: 1, numberMisscheduled: 1 });
    expect(await daemons.images()).toEqual(['n2 nginx:1']);
  });

  it('leaves a pod on a node that takes no more pods, and takes it off one that drives them out', async () => {
    await daemons.create();
    await daemons.arrive();
    await daemons.patchNode('n1', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } });
    await daemons.patchNode('n2', { spec: { taints: [{ key: 'a', effect: 'NoExecute' }] } });

    expect(await daemons.images()).toEqual(['n1 nginx:1', 'n2 nginx:1 ends', 'n3 nginx:1']);
    expect((await daemons.set).status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 2 });
  });

  it('removes pods of a node that is gone before they were bound to it', async () => {
    await daemons.create();
    await daemons.world.client.resource(Node).delete({ name: 'n3' });
    await daemons.world.patch(Pod, nameOf((await daemons.on('n1'))[0] ?? {}), { metadata: { labels: { seen: 'yes' } } });
    await daemons.settle();

    expect(await daemons.images()).toEqual(['n1 nginx:1', 'n2 nginx:1']);
  });

  it('replaces failed pods, ever later, and tells why', async () => {
    await daemons.create();
    await daemons.arrive();
    const seconds: number[] = [];
    for (let time = 0; time < 4; time += 1) {
      const [pod] = await daemons.on('n1');
      await daemons.world.setStatus(pod ?? {}, { phase: 'Failed' });
      await daemons.settle();
      let waited = 0;
      for (; (await daemons.on('n1'))[0]?.status?.phase === 'Failed'; waited += 1) {
        await daemons.world.clock.advance(800);
        await daemons.settle();
      }
      seconds.push(waited);
      await daemons.arrive();
    }

    expect(seconds[0]).toBe(0);
    expect(seconds.slice(2)).toEqual(seconds.slice(2).toSorted((a, b) => a - b));
    expect(seconds[3]).toBeGreaterThanOrEqual(2);
    expect((await daemons.world.messages('FailedDaemonPod'))[0]).toMatch(
      /^Found failed daemon pod default\/agent-\w+ on node n1, will try to kill it$/,
    );
  });

  it('keeps one pod of a node that has several', async () => {
    await daemons.create();
    await daemons.arrive();
    const [oldest] = await daemons.on('n1');
    await daemons.world.clock.advance(5_000);
    await daemons.world.create(Pod, { ...templateOf('agent'), metadata: { name: 'second', labels: { app: 'agent' } } });
    await daemons.world.makeReady([await daemons.world.get(Pod, 'second')], 'n1');
    await daemons.settle();
    await daemons.world.end();
    await daemons.settle();

    expect((await daemons.on('n1')).map(nameOf)).toEqual([nameOf(oldest ?? {})]);
  });

  it('rolls a new template out one node after the other', async () => {
    await daemons.create();
    await daemons.arrive();
    await daemons.patch(imagePatch('2'));
    const early = await daemons.images();
    const { status } = await daemons.set;
    await daemons.world.end();
    await daemons.settle();
    const waiting = await daemons.images();
    await daemons.arrive();

    expect(early.filter((image) => image.endsWith('ends'))).toHaveLength(1);
    expect(status).toMatchObject({ observedGeneration: 2, desiredNumberScheduled: 3 });
    expect(status?.updatedNumberScheduled).toBeUndefined();
    expect(waiting.filter((image) => image.endsWith('nginx:2'))).toHaveLength(1);
    expect(await daemons.images()).toEqual(['n1 nginx:2', 'n2 nginx:2', 'n3 nginx:2']);
    expect((await daemons.set).status).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3 });
  });

  it('rolls as many at a time as may be missing, and broken ones at once', async () => {
    await daemons.create(rolling({ maxUnavailable: '50%' }));
    await daemons.arrive();
    const [broken] = await daemons.on('n3');
    await daemons.world.setStatus(broken ?? {}, { conditions: [{ type: 'Ready', status: 'False' }] });
    await daemons.patch(imagePatch('2'));

    expect((await daemons.images()).filter((image) => image.endsWith('ends'))).toHaveLength(3);
  });

  it('waits until new pods have been ready for long enough', async () => {
    await daemons.create({ minReadySeconds: 60 });
    await daemons.arrive();
    await daemons.world.clock.advance(60_000);
    await daemons.patch(imagePatch('2'));
    await daemons.arrive();
    const early = (await daemons.images()).filter((image) => image.endsWith('nginx:2'));
    await daemons.world.clock.advance(60_000);
    await daemons.arrive();

    expect(early).toHaveLength(1);
    expect((await daemons.images()).filter((image) => image.endsWith('nginx:2'))).toHaveLength(2);
  });

  it('with a surge starts the new pod beside the old one, which goes when that is ready', async () => {
    await daemons.create(rolling({ maxSurge: 1, maxUnavailable: 0 }));
    await daemons.arrive();
    await daemons.patch(imagePatch('2'));
    const beside = await daemons.images();
    await daemons.ready((await daemons.world.pods()).filter(({ status }) => status?.phase === 'Pending'));
    const after = await daemons.images();
    await daemons.arrive();

    expect(beside.filter((image) => image.endsWith('nginx:2'))).toHaveLength(1);
    expect(beside.filter((image) => image.endsWith('nginx:1'))).toHaveLength(3);
    expect(after.filter((image) => image.endsWith('nginx:1 ends'))).toHaveLength(1);
    expect(await daemons.images()).toEqual(['n1 nginx:2', 'n2 nginx:2', 'n3 nginx:2']);
  });

  it('on delete replaces only what someone deletes', async () => {
    await daemons.create({ updateStrategy: { type: 'OnDelete' } });
    await daemons.arrive();
    await daemons.patch(imagePatch('2'));
    await daemons.world.end(await daemons.on('n2'));
    await daemons.arrive();

    expect(await daemons.images()).toEqual(['n1 nginx:1', 'n2 nginx:2', 'n3 nginx:1']);
  });

  it('keeps a history of its templates, with the hash that its pods carry', async () => {
    await daemons.create({ revisionHistoryLimit: 1 });
    await daemons.arrive();
    for (const tag of ['2', '3', '2']) {
      await daemons.patch(imagePatch(tag));
      await daemons.arrive();
    }
    const revisions = await daemons.revisions();
    const [pod] = await daemons.on('n1');

    expect(revisions.map((revision) => revision.split(' ')[0])).toEqual(['3', '4']);
    expect(`agent-${pod?.metadata?.labels?.['controller-revision-hash']}`).toBe(revisions[1]?.slice(2));
    expect(pod?.metadata?.labels?.['pod-template-generation']).toBe('4');
  });

  it('makes pods once, however long the cache does not show them', async () => {
    daemons.world.transport.hold('pods');
    await daemons.create();
    for (let time = 0; time < 4; time += 1) await daemons.patch({ metadata: { annotations: { time: String(time) } } });
    const unseen = await daemons.images();
    daemons.world.transport.release();
    await daemons.arrive();

    expect(unseen).toHaveLength(3);
    expect(await daemons.images()).toHaveLength(3);
  });

  it('writes nothing when there is nothing to do, whatever nodes say of themselves', async () => {
    await daemons.create();
    await daemons.arrive();
    const before = daemons.world.world.writes.length;
    const status = { nodeInfo: { bootID: 'x' } };
    await daemons.world.client.resource(Node).patchStatus({ name: 'n1' }, 'merge', { status });
    await daemons.world.clock.advance(3_600_000);
    await daemons.settle();

    expect(daemons.world.world.writes.slice(before)).toEqual([]);
  });
});
