import { eventually } from '@keelson/base/testing';
import { Event, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { ephemeralVolumeController } from './ephemeral-volume-controller.ts';

const SPEC = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const WHERE = { name: 'web-scratch', namespace: 'default' };

describe('ephemeral-volume-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ server: { disabledAdmission: ['StorageObjectInUseProtection'] } });
    await world.run(ephemeralVolumeController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const claims = () => world.client.resource(PersistentVolumeClaim);
  const makeUser = () => {
    const volumeClaimTemplate = { metadata: { labels: { a: 'b' } }, spec: SPEC };
    return world.client
      .resource(Pod)
      .create(makePod('web', { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] }));
  };
  const warning = () =>
    eventually(async () => (await world.client.resource(Event).list()).items.find(({ reason }) => reason === 'FailedBinding'));

  it('makes the claim of a volume once, owned by its pod', async () => {
    const pod = await makeUser();

    const claim = await eventually(() => claims().find(WHERE));
    await turns();

    expect(claim.metadata).toMatchObject({
      labels: { a: 'b' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: pod.metadata?.uid, controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(claim.spec).toMatchObject(SPEC);
    expect(world.writes).toHaveLength(1);
  });

  it('makes it again when it is deleted', async () => {
    await makeUser();
    const first = await eventually(() => claims().find(WHERE));

    await claims().delete(WHERE);

    const second = await eventually(() => claims().find(WHERE));
    expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
  });

  it('takes no claim that was not made for the pod, and says so', async () => {
    await claims().create({ metadata: WHERE, spec: SPEC });
    await makeUser();

    expect(await warning()).toMatchObject({
      message: 'ephemeral volume controller: PVC default/web-scratch was not created for pod default/web (pod is not owner)',
    });
  });

  it('says what keeps it from making one', async () => {
    world.failure = ({ method, path }) =>
      method === 'POST' && path.endsWith('/persistentvolumeclaims') ? new Error('no room') : undefined;
    await makeUser();

    expect(await warning()).toMatchObject({
      message: 'ephemeral volume controller: create PVC web-scratch: no room',
    });
  });

  it('leaves other pods alone', async () => {
    await world.client.resource(Pod).create(makePod('web', { volumes: [{ name: 'v', emptyDir: {} }] }));
    await turns();

    expect(world.writes).toEqual([]);
  });
});
