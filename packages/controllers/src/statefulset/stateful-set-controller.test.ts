import { controllerOf, nameOf, uidOf } from '@keelson/api';
import { ControllerRevision } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templateOf } from '../pod-control/testing/workload-world.ts';
import { imagePatch, StatefulWorld } from './testing/stateful-world.ts';

describe('statefulSetController', () => {
  let sets: StatefulWorld;

  beforeEach(async () => {
    sets = await StatefulWorld.start();
  });

  afterEach(() => sets[Symbol.asyncDispose]());

  it('makes pods one after the other, each with a name of its own', async () => {
    const set = await sets.create();
    const early = await sets.names();
    await sets.ready('web-0');
    const later = await sets.names();
    await sets.arrive();
    const pod = await sets.world.get(Pod, 'web-2');
    const [revision] = await sets.revisions();

    expect([early, later, await sets.names()]).toEqual([['web-0'], ['web-0', 'web-1'], ['web-0', 'web-1', 'web-2']]);
    expect(pod.metadata).toMatchObject({
      generateName: 'web-',
      labels: {
        app: 'web',
        'statefulset.kubernetes.io/pod-name': 'web-2',
        'apps.kubernetes.io/pod-index': '2',
        'controller-revision-hash': nameOf(revision ?? {}),
      },
    });
    expect(pod.spec).toMatchObject({ hostname: 'web-2', subdomain: 'web' });
    expect(controllerOf(pod)).toMatchObject({ kind: 'StatefulSet', name: 'web', uid: uidOf(set) });
    expect((await sets.set).status).toEqual({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      currentRevision: nameOf(revision ?? {}),
      updateRevision: nameOf(revision ?? {}),
      collisionCount: 0,
    });
    expect(await sets.world.messages('SuccessfulCreate')).toContain('create Pod web-2 in StatefulSet web successful');
  });

  it('brings a pod that was deleted back under its name', async () => {
    await sets.create();
    await sets.arrive();
    const before = await sets.world.get(Pod, 'web-1');
    await sets.world.client.resource(Pod).delete({ name: 'web-1', namespace: 'default' });
    await sets.settle();
    const between = await sets.images();
    await sets.arrive();

    expect(between).toContain('web-1 nginx:1 ends');
    expect(uidOf(await sets.world.get(Pod, 'web-1'))).not.toBe(uidOf(before));
  });

  it('replaces a pod that has ended, once that is gone', async () => {
    await sets.create();
    await sets.arrive();
    const before = await sets.world.get(Pod, 'web-1');
    await sets.world.setStatus(before, { phase: 'Failed' });
    await sets.arrive();

    expect(uidOf(await sets.world.get(Pod, 'web-1'))).not.toBe(uidOf(before));
    expect((await sets.set).status).toMatchObject({ replicas: 3, readyReplicas: 3 });
  });

  it('scales down from the highest, one after the other', async () => {
    await sets.create();
    await sets.arrive();
    await sets.patch({ spec: { replicas: 1 } });
    const early = await sets.images();
    await sets.world.end();
    await sets.settle();
    const later = await sets.images();
    await sets.arrive();

    expect(early).toEqual(['web-0 nginx:1', 'web-1 nginx:1', 'web-2 nginx:1 ends']);
    expect(later).toEqual(['web-0 nginx:1', 'web-1 nginx:1 ends']);
    expect(await sets.names()).toEqual(['web-0']);
    expect((await sets.set).status).toMatchObject({ replicas: 1, readyReplicas: 1, currentReplicas: 1 });
  });

  it('makes and deletes all at once in parallel', async () => {
    await sets.create({ podManagementPolicy: 'Parallel' });
    const made = await sets.names();
    await sets.world.makeReady(await sets.world.pods());
    await sets.patch({ spec: { replicas: 0 } });

    expect(made).toEqual(['web-0', 'web-1', 'web-2']);
    expect((await sets.images()).every((image) => image.endsWith('ends'))).toBe(true);
  });

  it('updates pods from the highest down, and tells how far it is', async () => {
    await sets.create();
    await sets.arrive();
    await sets.patch(imagePatch('2'));
    const early = await sets.images();
    const { status: started } = await sets.set;
    await sets.world.end();
    await sets.settle();
    await sets.ready('web-2');
    const { status: halfway } = await sets.set;
    await sets.arrive();
    const [first, second] = (await sets.revisions()).map(nameOf);

    expect(early).toEqual(['web-0 nginx:1', 'web-1 nginx:1', 'web-2 nginx:1 ends']);
    expect(started).toMatchObject({ currentRevision: first, updateRevision: second, observedGeneration: 2 });
    expect(halfway).toMatchObject({ currentRevision: first, updateRevision: second, currentReplicas: 1, updatedReplicas: 1 });
    expect(await sets.images()).toEqual(['web-0 nginx:2', 'web-1 nginx:2', 'web-2 nginx:2']);
    expect((await sets.set).status).toMatchObject({
      currentRevision: second,
      updateRevision: second,
      currentReplicas: 3,
      updatedReplicas: 3,
    });
  });

  it('stages an update by the partition, and brings back as it was what is lost below that', async () => {
    await sets.create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    await sets.arrive();
    await sets.patch(imagePatch('2'));
    await sets.arrive();
    const staged = await sets.images();
    await sets.world.end([await sets.world.get(Pod, 'web-0')]);
    await sets.arrive();
    const recovered = await sets.images();
    const { status } = await sets.set;
    await sets.patch({ spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
    await sets.arrive();

    expect(staged).toEqual(['web-0 nginx:1', 'web-1 nginx:1', 'web-2 nginx:2']);
    expect(recovered).toEqual(staged);
    expect(status?.currentRevision).not.toBe(status?.updateRevision);
    expect(status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    expect(await sets.images()).toEqual(['web-0 nginx:2', 'web-1 nginx:2', 'web-2 nginx:2']);
  });

  it('on delete updates only what someone deletes', async () => {
    await sets.create({ updateStrategy: { type: 'OnDelete' } });
    await sets.arrive();
    await sets.patch(imagePatch('2'));
    await sets.world.end([await sets.world.get(Pod, 'web-1')]);
    await sets.arrive();

    expect(await sets.images()).toEqual(['web-0 nginx:1', 'web-1 nginx:2', 'web-2 nginx:1']);
  });

  it('waits for pods to be available, and comes back when they are', async () => {
    await sets.create({ minReadySeconds: 30 });
    await sets.ready('web-0');
    const early = await sets.names();
    const { status } = await sets.set;
    await sets.world.clock.advance(30_000);
    await sets.settle();

    expect(early).toEqual(['web-0']);
    expect(status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    expect(await sets.names()).toEqual(['web-0', 'web-1']);
  });

  it('keeps so many revisions, finds an old one again, and makes it the newest', async () => {
    await sets.create({ replicas: 1, revisionHistoryLimit: 2 });
    await sets.arrive();
    for (const tag of ['2', '3', '4', '5']) {
      await sets.patch(imagePatch(tag));
      await sets.arrive();
    }
    const before = await sets.revisions();
    await sets.patch(imagePatch('4'));
    await sets.arrive();
    const after = await sets.revisions();
    const imageIn = ({ data }: ControllerRevision): unknown =>
      (data as { spec: { template: { spec: { containers: { image: string }[] } } } }).spec.template.spec.containers[0]?.image;

    expect(before.map(({ revision }) => revision)).toEqual([3, 4, 5]);
    expect(before.map(imageIn)).toEqual(['nginx:3', 'nginx:4', 'nginx:5']);
    expect(after.map((each) => `${each.revision} ${String(imageIn(each))}`)).toEqual(['3 nginx:3', '5 nginx:5', '6 nginx:4']);
    expect(after[0]?.data).toMatchObject({ spec: { template: { $patch: 'replace' } } });
  });

  it('takes another name for a revision whose name another template has', async () => {
    await sets.create({ replicas: 0 });
    const [first] = await sets.revisions();
    const name = nameOf(first ?? {});
    const { ownerReferences, labels } = first?.metadata ?? {};
    await sets.patch(imagePatch('2'));
    const second = (await sets.revisions()).map(nameOf).find((each) => each !== name) ?? '';
    await sets.world.world.stopControllers();
    for (const each of [name, second])
      await sets.world.client.resource(ControllerRevision).delete({ name: each, namespace: 'default' });
    await sets.world.create(ControllerRevision, {
      metadata: { name: second, ownerReferences, labels },
      revision: 1,
      data: { other: true },
    });
    await sets.world.restart();
    await sets.settle();

    expect((await sets.set).status?.collisionCount).toBe(1);
    expect((await sets.set).status?.updateRevision).not.toBe(second);
  });

  it('adopts pods of its names only', async () => {
    for (const name of ['web-0', 'other-0', 'web-x'])
      await sets.world.create(Pod, { ...templateOf('web'), metadata: { name, labels: { app: 'web' } } });
    const set = await sets.create({ replicas: 1 });
    const owners = (await sets.world.pods()).map((pod) => `${nameOf(pod)} ${controllerOf(pod)?.uid}`).toSorted();

    expect(owners).toEqual(['other-0 undefined', `web-0 ${uidOf(set)}`, 'web-x undefined']);
  });

  it('gives a pod the labels back by which it is found', async () => {
    await sets.create({ replicas: 1 });
    await sets.arrive();
    await sets.world.patch(Pod, 'web-0', { metadata: { labels: { 'apps.kubernetes.io/pod-index': null } } });
    await sets.settle();

    expect((await sets.world.get(Pod, 'web-0')).metadata?.labels).toMatchObject({ 'apps.kubernetes.io/pod-index': '0' });
  });

  it('writes nothing when there is nothing to do', async () => {
    await sets.create();
    await sets.arrive();
    const before = sets.world.world.writes.length;
    await sets.world.clock.advance(3_600_000);
    await sets.settle();

    expect(sets.world.world.writes.slice(before)).toEqual([]);
  });
});
