import { eventually } from '@keelson/base/testing';
import { controllerReference, type Kind, type KubernetesObject } from '@keelson/api';
import { ConfigMap, Event, Namespace, Node, Secret } from '@keelson/api/core/v1';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { garbageCollectorController } from './garbage-collector-controller.ts';

const WHERE = { name: 'owner', namespace: 'default' };

describe('garbage-collector-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld({ namespaces: ['default', 'other'] });
    await world.run(garbageCollectorController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const configMaps = () => world.client.resource(ConfigMap);
  const secrets = () => world.client.resource(Secret);
  const addOwner = (name = 'owner') => configMaps().create({ metadata: { ...WHERE, name } });
  const reference = (owner: KubernetesObject, kind: Kind = ConfigMap, change: Partial<OwnerReference> = {}) => ({
    ...controllerReference(owner, kind),
    ...change,
  });
  const addDependent = (name: string, ...ownerReferences: OwnerReference[]) =>
    secrets().create({ metadata: { name, namespace: 'default', ownerReferences } });
  const findDependent = (name: string) => secrets().find({ name, namespace: 'default' });
  const dependentGone = (name: string) => eventually(async () => (await findDependent(name)) === undefined);
  const ownerGone = (name = 'owner') => eventually(async () => (await configMaps().find({ ...WHERE, name })) === undefined);
  /** An owner that nobody has ever seen. */
  const stranger = (change: Partial<OwnerReference> = {}): OwnerReference => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: 'stranger',
    uid: '00000000-0000-4000-8000-000000000000',
    ...change,
  });

  describe('in the background', () => {
    it('deletes the dependents of a deleted owner, and theirs', async () => {
      const middle = await addDependent('middle', reference(await addOwner()));
      await addDependent('last', reference(middle, Secret));

      await configMaps().delete(WHERE);

      await dependentGone('middle');
      await dependentGone('last');
    });

    it('keeps a dependent that has another owner, and drops the reference that dangles', async () => {
      const [one, two] = [await addOwner('one'), await addOwner('two')];
      await addDependent('d', reference(one), reference(two, ConfigMap, { controller: false }));

      await configMaps().delete({ ...WHERE, name: 'one' });

      const kept = await eventually(async () => {
        const found = await findDependent('d');
        return found?.metadata?.ownerReferences?.length === 1 && found;
      });
      expect(kept.metadata?.ownerReferences?.[0]?.uid).toBe(two.metadata?.uid);
    });

    it('deletes what names an owner that does not exist', async () => {
      await addDependent('d', stranger());

      await dependentGone('d');
    });

    it('takes an object of the same name with another uid for another owner', async () => {
      const owner = await addOwner();

      await addDependent('d', reference(owner, ConfigMap, { uid: stranger().uid }));

      await dependentGone('d');
      expect(await configMaps().find(WHERE)).toBeDefined();
    });

    it('deletes what was left behind while it was not there', async () => {
      await addDependent('d', reference(await addOwner()));
      await world.stopControllers();
      await configMaps().delete(WHERE);

      await world.run(garbageCollectorController);

      await dependentGone('d');
    });

    it('keeps what someone else has adopted in the meantime', async () => {
      const [one, two] = [await addOwner('one'), await addOwner('two')];
      await addDependent('d', reference(one));
      await turns();
      world.lag = ({ path }) => (path === '/api/v1/secrets' ? 100 : 0);

      await secrets().patch({ name: 'd', namespace: 'default' }, 'merge', { metadata: { ownerReferences: [reference(two)] } });
      await configMaps().delete({ ...WHERE, name: 'one' });
      await eventually(() => world.writes.length > 0);
      await turns(300);

      expect(await findDependent('d')).toBeDefined();
    });

    it('leaves what has finalizers to those', async () => {
      const owner = await addOwner();
      await secrets().create({
        metadata: { name: 'd', namespace: 'default', finalizers: ['example.com/hold'], ownerReferences: [reference(owner)] },
      });

      await configMaps().delete(WHERE);

      await eventually(async () => (await findDependent('d'))?.metadata?.deletionTimestamp !== undefined);
      await turns();
      expect(world.writes).toHaveLength(1);
    });
  });

  describe('with wrong references', () => {
    it('takes an owner in another namespace for absent, and says so', async () => {
      const owner = await configMaps().create({ metadata: { name: 'owner', namespace: 'other' } });
      await eventually(async () => (await configMaps().list({ namespace: 'other' })).items.length > 0);
      await turns();

      await addDependent('d', reference(owner));

      await dependentGone('d');
      const event = await eventually(async () => (await world.client.resource(Event).list()).items[0]);
      expect(event).toMatchObject({
        reason: 'OwnerRefInvalidNamespace',
        message: `ownerRef [v1/ConfigMap, namespace: other, name: owner, uid: ${owner.metadata?.uid}] does not exist in namespace "default"`,
        involvedObject: { kind: 'Secret', name: 'd' },
      });
      expect(await configMaps().find({ name: 'owner', namespace: 'other' })).toBeDefined();
    });

    it('keeps what names an owner of a kind that the server does not know', async () => {
      await addDependent('d', stranger({ apiVersion: 'example.com/v1', kind: 'Unknown' }));
      await turns();

      expect(await findDependent('d')).toBeDefined();
    });

    it('keeps an object without a namespace that names an owner with one', async () => {
      const ownerReferences = [reference(await addOwner())];
      await world.client.resource(Node).create({ metadata: { name: 'n', ownerReferences } });
      await turns();

      expect(await world.client.resource(Node).find({ name: 'n' })).toBeDefined();
    });

    it('keeps the real dependents of an owner whose uid someone else names wrongly', async () => {
      const owner = await addOwner();
      await addOwner('another');
      await addDependent('right', reference(owner));
      await addDependent('wrong', reference(owner, ConfigMap, { name: 'another' }));

      await dependentGone('wrong');
      await turns();

      expect(await findDependent('right')).toBeDefined();
    });
  });

  describe('in the foreground', () => {
    it('deletes the dependents before the owner', async () => {
      const owner = await addOwner();
      await secrets().create({
        metadata: { name: 'd', namespace: 'default', finalizers: ['example.com/hold'], ownerReferences: [reference(owner)] },
      });

      await configMaps().delete(WHERE, { propagationPolicy: 'Foreground' });
      await eventually(async () => (await findDependent('d'))?.metadata?.deletionTimestamp !== undefined);
      const waiting = await configMaps().find(WHERE);
      await secrets().patch({ name: 'd', namespace: 'default' }, 'merge', { metadata: { finalizers: null } });

      await ownerGone();
      expect(waiting?.metadata?.finalizers).toEqual(['foregroundDeletion']);
    });

    it('does not wait for dependents that do not block it', async () => {
      const owner = await addOwner();
      await secrets().create({
        metadata: {
          name: 'd',
          namespace: 'default',
          finalizers: ['example.com/hold'],
          ownerReferences: [reference(owner, ConfigMap, { blockOwnerDeletion: false })],
        },
      });

      await configMaps().delete(WHERE, { propagationPolicy: 'Foreground' });

      await ownerGone();
      await eventually(async () => (await findDependent('d'))?.metadata?.deletionTimestamp !== undefined);
    });

    it('goes on to the dependents of dependents', async () => {
      const middle = await addDependent('middle', reference(await addOwner()));
      await addDependent('last', reference(middle, Secret));

      await configMaps().delete(WHERE, { propagationPolicy: 'Foreground' });

      await ownerGone();
      expect(await findDependent('middle')).toBeUndefined();
      expect(await findDependent('last')).toBeUndefined();
    });

    it('keeps a dependent that has another owner, and does not wait for it', async () => {
      const [one, two] = [await addOwner('one'), await addOwner('two')];
      await addDependent('d', reference(one), reference(two, ConfigMap, { controller: false }));

      await configMaps().delete({ ...WHERE, name: 'one' }, { propagationPolicy: 'Foreground' });

      await ownerGone('one');
      expect((await findDependent('d'))?.metadata?.ownerReferences).toHaveLength(1);
    });

    it('does not wait for ever when two objects own each other', async () => {
      const owner = await addOwner();
      const dependent = await addDependent('d', reference(owner));
      await configMaps().patch(WHERE, 'merge', { metadata: { ownerReferences: [reference(dependent, Secret)] } });

      await configMaps().delete(WHERE, { propagationPolicy: 'Foreground' });

      await ownerGone();
      await dependentGone('d');
    });
  });

  describe('when dependents are to be orphaned', () => {
    it('sets them free before the owner goes', async () => {
      const owner = await addOwner();
      await addDependent('a', reference(owner));
      await addDependent('b', reference(owner), stranger({ uid: owner.metadata?.uid ?? '', name: 'owner', kind: 'ConfigMap' }));

      await configMaps().delete(WHERE, { propagationPolicy: 'Orphan' });

      await ownerGone();
      expect((await findDependent('a'))?.metadata?.ownerReferences).toBeUndefined();
      expect((await findDependent('b'))?.metadata?.ownerReferences).toBeUndefined();
    });
  });

  it('follows owners without a namespace', async () => {
    const owner = await world.client.resource(Node).create({ metadata: { name: 'n' } });
    await addDependent('d', reference(owner, Node));

    await world.client.resource(Node).delete({ name: 'n' });

    await dependentGone('d');
  });

  it('names uid and version of what it deletes, so that nothing else is deleted by mistake', async () => {
    const owner = await addOwner();
    await addDependent('d', reference(owner));
    await configMaps().delete(WHERE);
    await dependentGone('d');

    const deletions = world.bodies.filter(({ kind }) => kind === 'DeleteOptions');

    expect(deletions).toMatchObject([{ preconditions: { uid: expect.any(String), resourceVersion: expect.any(String) } }]);
  });

  it('writes nothing, and asks nothing, while nothing is to do', async () => {
    await addDependent('d', reference(await addOwner()));
    await world.client.resource(Namespace).patch({ name: 'default' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await turns();
    const before = world.calls.length;

    await secrets().patch({ name: 'd', namespace: 'default' }, 'merge', { metadata: { labels: { a: 'b' } } });
    await turns();

    expect(world.calls).toHaveLength(before);
    expect(world.writes).toEqual([]);
  });
});
