import { eventually } from '@keelson/base/testing';
import { ensureObjects, bootstrapObjects } from '@keelson/api-server';
import { ClusterRole, type PolicyRule } from '@keelson/api/rbac/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation-controller.ts';

const rule = (resource: string, ...verbs: string[]): PolicyRule => ({ apiGroups: [''], resources: [resource], verbs });
const selecting = (...labels: string[]) => ({
  clusterRoleSelectors: labels.map((label) => ({ matchLabels: { [label]: 'true' } })),
});

describe('clusterrole-aggregation-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
    await world.run(clusterRoleAggregationController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const roles = () => world.client.resource(ClusterRole);
  const part = (name: string, labels: readonly string[], ...rules: PolicyRule[]) =>
    roles().create({ metadata: { name, labels: Object.fromEntries(labels.map((label) => [label, 'true'])) }, rules });
  const rulesBecome = (name: string, wanted: readonly PolicyRule[]) =>
    eventually(async () => {
      const { rules } = await roles().get({ name });
      return JSON.stringify(rules ?? []) === JSON.stringify(wanted);
    });

  it('puts rules together selector by selector, then by name, equal ones once', async () => {
    await part('b', ['first'], rule('pods', 'get'), rule('secrets', 'get'));
    await part('a', ['first'], rule('nodes', 'get'), rule('pods', 'get'));
    await part('0', ['second'], rule('services', 'get'), rule('nodes', 'get'));

    await roles().create({ metadata: { name: 'sum' }, aggregationRule: selecting('first', 'second') });

    await rulesBecome('sum', [rule('nodes', 'get'), rule('pods', 'get'), rule('secrets', 'get'), rule('services', 'get')]);
  });

  it('follows parts that come, change, lose their label and go', async () => {
    await roles().create({ metadata: { name: 'sum' }, aggregationRule: selecting('x') });
    await part('one', ['x'], rule('pods', 'get'));
    await part('two', ['x'], rule('nodes', 'get'));
    await rulesBecome('sum', [rule('pods', 'get'), rule('nodes', 'get')]);
    await roles().patch({ name: 'one' }, 'merge', { rules: [rule('pods', 'list')] });
    await rulesBecome('sum', [rule('pods', 'list'), rule('nodes', 'get')]);
    await roles().patch({ name: 'two' }, 'merge', { metadata: { labels: { x: null } } });
    await rulesBecome('sum', [rule('pods', 'list')]);
    await roles().delete({ name: 'one' });

    await rulesBecome('sum', []);
  });

  it('carries rules through roles that are themselves put together, and takes none of a role for itself', async () => {
    await roles().create({ metadata: { name: 'large', labels: { l: 'true' } }, aggregationRule: selecting('l') });
    await roles().create({ metadata: { name: 'middle', labels: { l: 'true' } }, aggregationRule: selecting('m') });
    await part('leaf', ['m'], rule('pods', 'get'));

    await rulesBecome('large', [rule('pods', 'get')]);
  });

  it('takes out what somebody wrote into the rules, as their applier', async () => {
    await part('one', ['x'], rule('pods', 'get'));
    await roles().create({ metadata: { name: 'sum' }, aggregationRule: selecting('x'), rules: [rule('secrets', 'get')] });

    await rulesBecome('sum', [rule('pods', 'get')]);

    const { metadata } = await roles().get({ name: 'sum' });
    expect(metadata?.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'clusterrole-aggregation-controller', operation: 'Apply' }),
    );
  });

  it('does not make a role again that is gone before its cache shows that', async () => {
    await roles().create({ metadata: { name: 'sum' }, aggregationRule: selecting('x') });
    await turns();
    world.failure = ({ method }) => {
      if (method !== 'PATCH') return undefined;
      world.failure = () => undefined;
      return new Error('cut off');
    };
    world.lag = () => 400;
    await part('one', ['x'], rule('pods', 'get'));
    await roles().delete({ name: 'sum' });
    await eventually(() => world.writes.length > 0);
    await turns(800);

    expect(await roles().find({ name: 'sum' })).toBeUndefined();
  });

  it('writes nothing more when all is as it should be', async () => {
    await part('one', ['x'], rule('pods', 'get'));
    await roles().create({ metadata: { name: 'sum' }, aggregationRule: selecting('x') });
    await rulesBecome('sum', [rule('pods', 'get')]);
    await turns();
    const before = world.writes.length;

    await roles().patch({ name: 'one' }, 'merge', { metadata: { annotations: { a: 'b' } } });
    await turns();

    expect([before, world.writes.length]).toEqual([1, 1]);
  });

  it('fills the roles that every cluster has, each with what is smaller', async () => {
    const options = { serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined };
    await ensureObjects(world.api.transport, bootstrapObjects(options));
    const resourcesOf = async (name: string): Promise<Set<string>> => {
      const { rules = [] } = await roles().get({ name });
      return new Set(
        rules.flatMap(({ resources = [], verbs }) => resources.flatMap((each) => verbs.map((verb) => `${verb} ${each}`))),
      );
    };
    await eventually(async () => (await resourcesOf('admin')).has('list pods'));
    const [view, edit, admin] = await Promise.all(['view', 'edit', 'admin'].map(resourcesOf));

    expect([view?.has('list pods'), view?.has('get secrets'), view?.has('create pods')]).toEqual([true, false, false]);
    expect([edit?.has('get secrets'), edit?.has('create rolebindings')]).toEqual([true, false]);
    expect(admin?.has('create rolebindings')).toBe(true);
    expect([...(view ?? [])].every((each) => edit?.has(each))).toBe(true);
    expect([...(edit ?? [])].every((each) => admin?.has(each))).toBe(true);
  });
});
