import { nameOf, uidOf } from '@keelson/api';
import { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatefulWorld } from './testing/stateful-world.ts';

const volumeClaimTemplates: PersistentVolumeClaim[] = [
  {
    metadata: { name: 'data', labels: { tier: 'db' }, annotations: { note: 'mine' } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
];

describe('claims of a StatefulSet', () => {
  let sets: StatefulWorld;

  beforeEach(async () => {
    sets = await StatefulWorld.start();
  });

  afterEach(() => sets[Symbol.asyncDispose]());

  const claim = (ordinal: number): Promise<PersistentVolumeClaim> => sets.world.get(PersistentVolumeClaim, `data-web-${ordinal}`);
  const ownersOf = async (ordinal: number): Promise<readonly string[]> =>
    ((await claim(ordinal)).metadata?.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${name}`);

  it('are made for each pod from the templates, and mounted', async () => {
    await sets.create({ replicas: 2, volumeClaimTemplates });
    await sets.arrive();

    expect((await claim(1)).metadata).toMatchObject({ labels: { app: 'web', tier: 'db' }, annotations: { note: 'mine' } });
    expect((await claim(1)).spec).toMatchObject({ accessModes: ['ReadWriteOnce'] });
    expect((await sets.world.get(Pod, 'web-1')).spec?.volumes?.[0]).toEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'data-web-1' },
    });
    expect(await sets.world.messages('SuccessfulCreate')).toContain(
      'create Claim data-web-1 Pod web-1 in StatefulSet web success',
    );
  });

  it('stay for the pod that comes next, and belong to nobody, unless the policy says otherwise', async () => {
    await sets.create({ replicas: 2, volumeClaimTemplates });
    await sets.arrive();
    const before = await claim(1);
    await sets.patch({ spec: { replicas: 1 } });
    await sets.arrive();
    await sets.patch({ spec: { replicas: 2 } });
    await sets.arrive();

    expect(uidOf(await claim(1))).toBe(uidOf(before));
    expect(await ownersOf(1)).toEqual([]);
  });

  it.each([
    { whenDeleted: 'Delete', whenScaled: 'Retain', wanted: ['StatefulSet web'], scaled: ['StatefulSet web'] },
    { whenDeleted: 'Retain', whenScaled: 'Delete', wanted: [], scaled: ['Pod web-1'] },
    { whenDeleted: 'Delete', whenScaled: 'Delete', wanted: ['StatefulSet web'], scaled: ['Pod web-1'] },
  ])('belong to $wanted, and when scaled down to $scaled ($whenDeleted, $whenScaled)', async ({ wanted, scaled, ...policy }) => {
    await sets.create({ replicas: 2, volumeClaimTemplates, persistentVolumeClaimRetentionPolicy: policy });
    await sets.arrive();
    const before = await ownersOf(1);
    await sets.patch({ spec: { replicas: 1 } });

    expect([before, await ownersOf(1), await ownersOf(0)]).toEqual([wanted, scaled, wanted]);
  });

  it('follow the policy when that changes, and leave what others have written', async () => {
    const kept = { apiVersion: 'v1', kind: 'ConfigMap', name: 'keeper', uid: 'keeper' };
    await sets.create({ replicas: 1, volumeClaimTemplates });
    await sets.arrive();
    await sets.world.patch(PersistentVolumeClaim, 'data-web-0', { metadata: { ownerReferences: [kept] } });
    await sets.patch({ spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } } });
    const during = await ownersOf(0);
    await sets.patch({ spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } } });

    expect([during, await ownersOf(0)]).toEqual([['ConfigMap keeper', 'StatefulSet web'], ['ConfigMap keeper']]);
  });

  it('of another controller are left alone', async () => {
    const other = { apiVersion: 'example.com/v1', kind: 'Keeper', name: 'k', uid: 'k', controller: true };
    const spec = volumeClaimTemplates[0]?.spec;
    await sets.world.create(PersistentVolumeClaim, {
      metadata: { name: 'data-web-0', ownerReferences: [other] },
      ...(spec && { spec }),
    });
    await sets.create({ replicas: 1, volumeClaimTemplates, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } });
    await sets.arrive();

    expect(await ownersOf(0)).toEqual(['Keeper k']);
  });

  it('that go with a pod are gone before the next pod of that name comes', async () => {
    await sets.create({ replicas: 2, volumeClaimTemplates, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } });
    await sets.arrive();
    await sets.patch({ spec: { replicas: 1 } });
    await sets.arrive();
    await sets.patch({ spec: { replicas: 2 } });
    const early = await sets.names();
    // What the garbage collector does.
    await sets.world.client.resource(PersistentVolumeClaim).delete({ name: 'data-web-1', namespace: 'default' });
    await sets.world.clock.advance(1_000);
    await sets.settle();

    expect(early).toEqual(['web-0']);
    expect((await sets.world.pods()).map(nameOf)).toContain('web-1');
    expect(await ownersOf(1)).toEqual([]);
  });

  it('that are being deleted hold the pod back', async () => {
    await sets.create({ replicas: 0, volumeClaimTemplates });
    const spec = volumeClaimTemplates[0]?.spec;
    const metadata = { name: 'data-web-0', finalizers: ['example.com/wait'] };
    await sets.world.create(PersistentVolumeClaim, { metadata, ...(spec && { spec }) });
    await sets.world.client.resource(PersistentVolumeClaim).delete({ name: 'data-web-0', namespace: 'default' });
    await sets.patch({ spec: { replicas: 1 } });

    expect(await sets.names()).toEqual([]);
    expect(await sets.world.messages('FailedCreate')).toContain(
      'create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted',
    );
  });
});
