import { describe, expect, it } from 'vitest';
import { turn, type Loose } from '../test-support/api-probe.ts';
import {
  BOATS,
  boat,
  boats,
  conditionOf,
  customWorld,
  DEFINITIONS,
  establish,
  becomes,
  failure,
  until,
  untilGone,
} from './test-support.ts';

describe('a definition', () => {
  it('becomes established with its names accepted, and its kind is served', async () => {
    await using api = await customWorld([]);

    const created = await api.probe.create(DEFINITIONS, boats());
    const established = await until(api.probe, 'boats.example.com', (found) => conditionOf(found, 'Established') === 'True');
    const made = await api.probe.create(BOATS, boat('a', { size: 3 }));

    expect(created.status).toMatchObject({ storedVersions: ['v1'] });
    expect(established.spec.names).toMatchObject({ singular: 'boat', listKind: 'BoatList' });
    expect(established.status.acceptedNames).toEqual(established.spec.names);
    expect(established.status.conditions).toMatchObject([
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' },
    ]);
    expect(made).toMatchObject({ metadata: { name: 'a', generation: 1 }, spec: { size: 3 } });
  });

  it('does not get names that another one of its group has, until they are free', async () => {
    await using api = await customWorld([boats()]);
    const other = boats({ spec: { names: { plural: 'ships', kind: 'Boat', shortNames: ['bt'] } } });
    other.metadata.name = 'ships.example.com';

    await api.probe.create(DEFINITIONS, other);
    const refused = await until(api.probe, 'ships.example.com', (found) => conditionOf(found, 'NamesAccepted') !== undefined);
    await api.probe.remove(`${DEFINITIONS}/boats.example.com`);
    const accepted = await until(api.probe, 'ships.example.com', (found) => conditionOf(found, 'Established') === 'True');

    expect(refused.status.conditions).toMatchObject([
      { type: 'NamesAccepted', status: 'False', reason: 'ListKindConflict', message: '"BoatList" is already in use' },
      { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
    ]);
    expect(refused.status.acceptedNames).toMatchObject({ plural: 'ships', kind: '' });
    expect(accepted.status.acceptedNames).toMatchObject({ plural: 'ships', kind: 'Boat', shortNames: ['bt'] });
  });

  it('gives names back that it does not want any more', async () => {
    await using api = await customWorld([boats()]);
    const other = boats({ spec: { names: { plural: 'ships', kind: 'Ship', shortNames: ['bt'] } } });
    other.metadata.name = 'ships.example.com';
    await api.probe.create(DEFINITIONS, other);
    const refused = await until(api.probe, 'ships.example.com', (found) => conditionOf(found, 'NamesAccepted') === 'False');

    await api.probe.merge(`${DEFINITIONS}/boats.example.com`, { spec: { names: { shortNames: null } } });
    const accepted = await until(api.probe, 'ships.example.com', (found) => conditionOf(found, 'NamesAccepted') === 'True');

    expect(refused.status.conditions[0]).toMatchObject({ reason: 'ShortNamesConflict', message: '"bt" is already in use' });
    expect(accepted.status.acceptedNames.shortNames).toEqual(['bt']);
  });

  it('shares no name with another one, even if two servers hear of them at the same time', async () => {
    await using first = await customWorld([]);
    await using second = await customWorld([], { store: first.store, namespaces: [] });
    const names = ['boats', 'ships', 'rafts', 'barges'];
    const definitions = names.map((plural) => {
      const made = boats({ spec: { names: { plural, kind: 'Boat' } } });
      return { ...made, metadata: { name: `${plural}.example.com` } };
    });

    await Promise.all(definitions.map(async (each, at) => (at % 2 === 0 ? first : second).probe.create(DEFINITIONS, each)));
    const isDecided = (list: Loose): boolean =>
      list.items.every((each: Loose) => conditionOf(each, 'NamesAccepted') !== undefined);
    const { items } = await becomes(() => first.probe.get(DEFINITIONS), isDecided);

    const accepted = items.filter(({ status }: Loose) => status.acceptedNames.kind === 'Boat');
    const served = (await second.probe.get('/apis/example.com/v1')).resources.map(({ name }: Loose) => name);
    expect(accepted).toHaveLength(1);
    expect(served).toEqual([accepted[0].spec.names.plural]);
  });

  it('says whether the community has approved of it', async () => {
    await using api = await customWorld([]);
    const approved = boats({ spec: { group: 'x.k8s.io' } });
    approved.metadata = { name: 'boats.x.k8s.io', annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' } };

    const established = await establish(api.probe, approved);

    expect(established.status.conditions[2]).toMatchObject({
      type: 'KubernetesAPIApprovalPolicyConformant',
      status: 'False',
      reason: 'UnapprovedAnnotation',
      message: 'not approved: "unapproved, for a test"',
    });
  });

  it('is deleted after all objects of its kind, whose watches end', async () => {
    await using api = await customWorld([boats()]);
    await api.probe.create(BOATS, boat('a'));
    await api.probe.create(BOATS, boat('b'));
    using log = await api.probe.watch(BOATS);

    const deleted = await api.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await untilGone(api.probe, 'boats.example.com');
    const gone = await api.probe.get(BOATS).catch(failure);

    expect(deleted).toMatchObject({
      kind: 'CustomResourceDefinition',
      metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'] },
    });
    expect(conditionOf(deleted, 'Terminating')).toBe('True');
    expect(log.lines).toEqual(['ADDED a', 'ADDED b', 'DELETED a', 'DELETED b']);
    expect(log.isComplete).toBe(true);
    expect(gone.reason ?? gone).not.toBe('ok');
    const entries = await api.store.range('/registry/example.com/', {});
    expect(entries.entries).toEqual([]);
  });

  it('waits for objects that a finalizer holds; meanwhile nothing is created, and discovery says so', async () => {
    await using api = await customWorld([boats()]);
    const held = await api.probe.create(BOATS, { ...boat('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } });

    await api.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await until(api.probe, 'boats.example.com', ({ status }) =>
      status.conditions.some(({ reason }: { reason: string }) => reason === 'InstanceDeletionInProgress'),
    );
    const refused = await api.probe.create(BOATS, boat('b')).catch(failure);
    const { resources } = await api.probe.get('/apis/example.com/v1');
    await becomes(
      () => api.probe.get(`${BOATS}/a`),
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
    await api.probe.merge(`${BOATS}/a`, { metadata: { finalizers: null } });
    await untilGone(api.probe, 'boats.example.com');

    expect(held.metadata.finalizers).toEqual(['example.com/hold']);
    expect(refused).toMatchObject({
      reason: 'MethodNotAllowed',
      code: 405,
      message: 'create not allowed while custom resource definition is terminating',
    });
    expect(resources[0].verbs).toEqual(['delete', 'deletecollection', 'get', 'list', 'watch']);
  });

  it('that was being deleted when the server was killed is deleted by the next one', async () => {
    const first = await customWorld([boats()]);
    await first.probe.create(BOATS, { ...boat('a'), metadata: { name: 'a', finalizers: ['example.com/hold'] } });
    await first.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await first.server.stop();

    await using second = await customWorld([], { store: first.store, namespaces: [] });
    await second.probe.merge(`${BOATS}/a`, { metadata: { finalizers: null } });

    await expect(untilGone(second.probe, 'boats.example.com')).resolves.toBeUndefined();
  });

  it('is served by each server over the store as soon as a client can know of it', async () => {
    await using first = await customWorld([]);
    await using second = await customWorld([], { store: first.store, namespaces: [] });

    await establish(first.probe, boats());
    const made = await second.probe.create(BOATS, boat('a'));
    await second.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await untilGone(first.probe, 'boats.example.com');
    await turn();
    const gone = await first.probe.get(`${BOATS}/a`).catch(failure);

    expect(made.spec.size).toBe(1);
    expect(gone.code ?? 404).toBe(404);
  });
});
