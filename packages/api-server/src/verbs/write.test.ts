import { statusOf } from '@keelson/api';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { AdmissionMutator } from '../admission/admission.ts';
import { ApiProbe, type Loose, configMap, deployment, DEPLOYMENTS, MAPS, pod, PODS } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

async function setUp(options: Parameters<typeof startTestApiServer>[0] = {}) {
  const api = await startTestApiServer(options);
  return Object.assign(api, { probe: new ApiProbe(api.transport) });
}

const failure = (caught: unknown): Loose => caught;

describe('create', () => {
  it('owns what only the server says', async () => {
    await using api = await setUp({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    const meta = {
      uid: 'mine',
      creationTimestamp: '2000-01-01T00:00:00Z',
      generation: 7,
      selfLink: '/x',
      deletionTimestamp: '2000-01-01T00:00:00Z',
    };

    const created = await api.probe.create(DEPLOYMENTS, {
      ...deployment('a'),
      metadata: { name: 'a', ...meta },
      status: { replicas: 3 },
    });

    expect(created.metadata).toMatchObject({
      name: 'a',
      namespace: 'default',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    expect(created.metadata?.uid).not.toBe('mine');
    expect(created.metadata?.selfLink).toBeUndefined();
    expect(created.metadata?.deletionTimestamp).toBeUndefined();
    expect(created['status']?.replicas ?? 0).toBe(0);
  });

  it('generates names out of the safe alphabet, and prefers a name that is given', async () => {
    await using api = await setUp();
    const long = 'x'.repeat(70);

    const made = await api.probe.create(MAPS, { metadata: { generateName: 'web-' } });
    const cut = await api.probe.create(MAPS, { metadata: { generateName: long } });
    const named = await api.probe.create(MAPS, { metadata: { name: 'a', generateName: 'web-' } });

    expect(made.metadata?.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(cut.metadata?.name).toHaveLength(63);
    expect(named.metadata?.name).toBe('a');
  });

  it.each([
    ['twice', MAPS, configMap('a'), 409, 'AlreadyExists', 'configmaps "a" already exists'],
    [
      'in another namespace than the path',
      MAPS,
      configMap('b', {}, { namespace: 'x' }),
      400,
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'with a resourceVersion',
      MAPS,
      configMap('b', {}, { resourceVersion: '1' }),
      400,
      'BadRequest',
      'resourceVersion should not be set on objects to be created',
    ],
    [
      'without a name',
      MAPS,
      { data: {} },
      422,
      'Invalid',
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'of a wrong type',
      MAPS,
      configMap('b', { data: { x: 1 } }),
      400,
      'BadRequest',
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data.x of type string',
    ],
    ['of another kind', MAPS, pod('b'), 400, 'BadRequest', ''],
    [
      'in a namespace that is not there',
      '/api/v1/namespaces/nope/configmaps',
      configMap('b'),
      404,
      'NotFound',
      'namespaces "nope" not found',
    ],
    [
      'of an unknown resource',
      '/api/v1/namespaces/default/nopes',
      configMap('b'),
      404,
      'NotFound',
      'the server could not find the requested resource',
    ],
    ['without a namespace', '/api/v1/configmaps', configMap('b'), 405, 'MethodNotAllowed', ''],
  ])('refuses an object %s', async (_title, path, body, code, reason, message) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    const error = await api.probe.create(path, body).catch(failure);

    expect(error).toMatchObject({ code, reason });
    if (message !== '') expect(error.message).toBe(message);
  });

  it('warns of unknown fields, refuses them if it is to be strict, and drops them', async () => {
    await using api = await setUp();
    const body = configMap('a', { foo: 1, data: { x: '1' } });

    const strict = await api.probe.create(MAPS, body, { fieldValidation: 'Strict' }).catch(failure);
    const warned = await api.probe.call('POST', MAPS, { body });

    expect(strict.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
    );
    expect(warned.warnings).toEqual(['unknown field "foo"']);
    expect(warned.body).not.toHaveProperty('foo');
  });

  it.each([
    ['strategic-merge', { metadata: { labels: 'x' } }, 'map[metadata:map[labels:x]]', 'cannot restore map from string'],
    ['strategic-merge', { spec: { a: [1, null] } }, 'map[spec:map[a:[1 <nil>]]]', 'strict decoding error: unknown field "spec"'],
    ['merge', { foo: 1 }, '"foo":1', 'strict decoding error: unknown field "foo"'],
  ])('says of a %s patch that it does not make an object of the kind', async (type, body, shown, why) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    const error = await api.probe
      .call('PATCH', `${MAPS}/a`, { body, contentType: `application/${type}-patch+json`, query: { fieldValidation: 'Strict' } })
      .catch(failure);

    expect(error).toMatchObject({ code: 422, reason: 'Invalid', details: { causes: [{ field: 'patch' }] } });
    expect(error.message).toMatch(/^ "" is invalid: patch: Invalid value: /);
    expect(error.message.replaceAll('\\', '')).toContain(shown);
    expect(error.message.endsWith(`: ${why}`)).toBe(true);
  });

  it('drops nulls and keeps empty objects that mean something', async () => {
    await using api = await setUp();
    const volumes = [{ name: 'v', emptyDir: {}, hostPath: null }];

    const created = await api.probe.create(PODS, pod('a', { volumes, nodeSelector: null, hostname: '' }));

    expect(created['spec'].volumes[0]).toEqual({ name: 'v', emptyDir: {} });
    expect(created['spec']).not.toHaveProperty('nodeSelector');
    expect(created['spec']).not.toHaveProperty('hostname');
  });

  it('stores nothing on a dry run', async () => {
    await using api = await setUp();
    const before = await api.store.revision();

    const created = await api.probe.create(MAPS, configMap('a'), { dryRun: 'All' });

    expect(created.metadata?.uid).toBeDefined();
    expect(await api.store.revision()).toBe(before);
    expect(await api.probe.create(MAPS, configMap('a'), { dryRun: 'Some' }).catch(failure)).toMatchObject({ code: 422 });
  });
});

describe('update', () => {
  it('counts what admission changes as a change of the desired state', async () => {
    const scaleUp: AdmissionMutator = {
      name: 'test',
      mutate: async ({ object, operation }) => {
        if (operation === 'UPDATE') (object as Loose).spec.replicas = 7;
        return object;
      },
    };
    await using api = await setUp({ mutators: [scaleUp] });
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    const labelled = await api.probe.merge(`${DEPLOYMENTS}/a`, { metadata: { labels: { x: 'y' } } });
    const again = await api.probe.merge(`${DEPLOYMENTS}/a`, { metadata: { labels: { x: 'z' } } });

    expect(labelled).toMatchObject({ spec: { replicas: 7 }, metadata: { generation: 2 } });
    expect(again.metadata.generation).toBe(2);
  });

  it('refuses a stale revision and accepts none', async () => {
    await using api = await setUp();
    const created = await api.probe.create(MAPS, configMap('a'));
    await api.probe.update(`${MAPS}/a`, configMap('a', { data: { x: '1' } }));

    const error = await api.probe.update(`${MAPS}/a`, { ...created, data: { x: '2' } }).catch(failure);

    expect(error).toMatchObject({ code: 409, reason: 'Conflict', details: { name: 'a', kind: 'configmaps' } });
    expect(error.message).toBe(
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('writes nothing if nothing changes', async () => {
    await using api = await setUp();
    const created = await api.probe.create(PODS, pod('a'));
    using log = await api.probe.watch(PODS, { resourceVersion: created.metadata?.resourceVersion });
    const before = await api.store.revision();

    const same = await api.probe.update(`${PODS}/a`, created);
    const merged = await api.probe.merge(`${PODS}/a`, { spec: { containers: created['spec'].containers } });

    expect(same.metadata?.resourceVersion).toBe(created.metadata?.resourceVersion);
    expect(merged.metadata?.resourceVersion).toBe(created.metadata?.resourceVersion);
    expect(await api.store.revision()).toBe(before);
    expect(log.lines).toEqual([]);
  });

  it('keeps spec and status apart, and counts generations of the spec alone', async () => {
    await using api = await setUp();
    const created = await api.probe.create(DEPLOYMENTS, deployment('a'));

    const main = await api.probe.update(`${DEPLOYMENTS}/a`, {
      ...created,
      spec: { ...created['spec'], replicas: 3 },
      status: { replicas: 9 },
    });
    const status = await api.probe.update(`${DEPLOYMENTS}/a/status`, {
      ...main,
      spec: { ...main['spec'], replicas: 7 },
      status: { replicas: 2 },
    });
    const labels = await api.probe.merge(`${DEPLOYMENTS}/a`, { metadata: { labels: { x: 'y' } } });

    expect(main).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } });
    expect(main['status']?.replicas ?? 0).toBe(0);
    expect(status).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 2 }, metadata: { generation: 2 } });
    expect(labels.metadata?.generation).toBe(2);
    expect(created.metadata?.generation).toBe(1);
  });

  it('has no status of kinds that have none', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    expect(await api.probe.get(`${MAPS}/a/status`).catch(failure)).toMatchObject({ code: 404 });
  });

  it('refuses another uid and another name', async () => {
    await using api = await setUp();
    const created = await api.probe.create(MAPS, configMap('a'));

    const uid = await api.probe.update(`${MAPS}/a`, configMap('a', {}, { uid: 'other' })).catch(failure);
    const name = await api.probe.update(`${MAPS}/a`, configMap('b')).catch(failure);

    expect(uid).toMatchObject({ code: 409 });
    expect(uid.message).toBe(
      `Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: other, UID in object meta: ${created.metadata?.uid}`,
    );
    expect(name).toMatchObject({ code: 400 });
  });

  it('creates what is not there for some kinds only', async () => {
    await using api = await setUp();
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

    const lease = await api.probe.call('PUT', `${leases}/l`, {
      body: { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } },
    });

    expect(lease.status).toBe(201);
    expect(await api.probe.update(`${MAPS}/new`, configMap('new')).catch(failure)).toMatchObject({ code: 404 });
  });

  it('needs a revision for kinds that say so', async () => {
    await using api = await setUp();
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    await api.probe.create(leases, { metadata: { name: 'l' }, spec: {} });

    const error = await api.probe
      .update(`${leases}/l`, { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } })
      .catch(failure);

    expect(error.message).toContain('metadata.resourceVersion: Invalid value: 0: must be specified for an update');
    expect(error.code).toBe(422);
  });

  it('loses no write of many at the same time', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    await Promise.all(Array.from({ length: 8 }, (_, at) => api.probe.merge(`${MAPS}/a`, { data: { [`k${at}`]: 'x' } })));

    expect(Object.keys((await api.probe.get(`${MAPS}/a`))['data'])).toHaveLength(8);
  });
});

describe('patch', () => {
  it('knows three types', async () => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a', {}, { labels: { x: '1', y: '2' } }));
    const patch = (contentType: string, body: unknown) => api.probe.call('PATCH', `${PODS}/a`, { body, contentType });

    const merged: Loose = (await patch('application/merge-patch+json', { metadata: { labels: { x: null } } })).body;
    const json: Loose = (await patch('application/json-patch+json', [{ op: 'add', path: '/metadata/labels/z', value: '3' }]))
      .body;
    const strategic: Loose = (
      await patch('application/strategic-merge-patch+json', { spec: { containers: [{ name: 'main', image: 'nginx:2' }] } })
    ).body;

    expect(merged.metadata.labels).toEqual({ y: '2' });
    expect(json.metadata.labels).toEqual({ y: '2', z: '3' });
    expect(strategic.spec.containers).toHaveLength(1);
    expect(strategic.spec.containers[0].image).toBe('nginx:2');
  });

  it.each([
    ['application/json', {}, 415],
    ['application/apply-patch+cbor', {}, 415],
    ['application/json-patch+json', [{ op: 'test', path: '/metadata/name', value: 'b' }], 422],
    ['application/json-patch+json', [{ op: 'nope', path: '/data' }], 422],
    ['application/json-patch+json', ['nope'], 400],
    ['application/json-patch+json', Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data', value: null })), 413],
    ['application/json-patch+json', {}, 400],
    ['application/merge-patch+json', [], 400],
    ['application/merge-patch+json', { metadata: { name: 'b' } }, 400],
    ['application/merge-patch+json', { metadata: { resourceVersion: '1' } }, 409],
    ['application/merge-patch+json', { data: { x: 1 } }, 422],
  ])('answers %s %j with %i', async (contentType, body, code) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    const error = await api.probe.call('PATCH', `${MAPS}/a`, { body, contentType }).catch(failure);

    expect(error.code).toBe(code);
  });
});

describe('a JSON patch that does not fit', () => {
  it('is refused in the words of Kubernetes', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));
    const body = [{ op: 'remove', path: '/data/a' }];

    const call = { body, contentType: 'application/json-patch+json' };
    const error = await api.probe.call('PATCH', `${MAPS}/a`, call).catch(statusOf);

    expect(error).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server rejected our request due to an error in our request',
      reason: 'Invalid',
      details: {},
      code: 422,
    });
  });
});

describe('delete', () => {
  it('answers with a Status, or with the object of some kinds', async () => {
    await using api = await setUp();
    const map = await api.probe.create(MAPS, configMap('a'));
    await api.probe.create(PODS, pod('p'));

    const status = await api.probe.remove(`${MAPS}/a`);
    const object = await api.probe.remove(`${PODS}/p`);

    expect(status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: map.metadata?.uid },
    });
    expect(object).toMatchObject({ kind: 'Pod', metadata: { name: 'p' } });
    expect(await api.probe.remove(`${PODS}/p`).catch(failure)).toMatchObject({ code: 404 });
  });

  it('waits for finalizers, and takes no new ones', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', {}, { finalizers: ['example.com/x'] }));
    using log = await api.probe.watch(MAPS);

    const pending = await api.probe.remove(`${MAPS}/a`);
    const again = await api.probe.remove(`${MAPS}/a`);
    const added = await api.probe
      .merge(`${MAPS}/a`, { metadata: { finalizers: ['example.com/x', 'example.com/y'] } })
      .catch(failure);
    const revived = await api.probe.merge(`${MAPS}/a`, { metadata: { deletionTimestamp: null } });
    await api.probe.merge(`${MAPS}/a`, { metadata: { finalizers: null } });

    expect(pending.metadata).toMatchObject({ deletionGracePeriodSeconds: 0 });
    expect(again).toEqual(pending);
    expect(added).toMatchObject({ code: 422 });
    expect(revived.metadata?.deletionTimestamp).toBe(pending.metadata?.deletionTimestamp);
    expect(log.lines).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(await api.probe.get(`${MAPS}/a`).catch(failure)).toMatchObject({ code: 404 });
  });

  it('gives a pod on a node its time, which can only become less', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using api = await setUp({ clock });
    await api.probe.create(PODS, pod('a', { nodeName: 'n1', terminationGracePeriodSeconds: 30 }));

    const first = await api.probe.remove(`${PODS}/a`);
    const longer = await api.probe.remove(`${PODS}/a`, { gracePeriodSeconds: 60 });
    const shorter = await api.probe.remove(`${PODS}/a`, { gracePeriodSeconds: 10 });
    const gone = await api.probe.remove(`${PODS}/a`, { gracePeriodSeconds: 0 });

    expect(first.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 });
    expect(longer.metadata).toEqual(first.metadata);
    expect(shorter.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 });
    expect(gone.metadata?.name).toBe('a');
    expect(await api.probe.get(`${PODS}/a`).catch(failure)).toMatchObject({ code: 404 });
  });

  it.each([
    ['Foreground', ['foregroundDeletion']],
    ['Orphan', ['orphan']],
  ])('marks %s deletion by a finalizer', async (propagationPolicy, finalizers) => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    const pending = await api.probe.remove(`${DEPLOYMENTS}/a`, { propagationPolicy });

    expect(pending.metadata).toMatchObject({ finalizers, generation: 2 });
  });

  it('checks preconditions', async () => {
    await using api = await setUp();
    const created = await api.probe.create(MAPS, configMap('a'));
    const changed = await api.probe.merge(`${MAPS}/a`, { data: { x: '1' } });

    const uid = await api.probe.remove(`${MAPS}/a`, { preconditions: { uid: 'other' } }).catch(failure);
    const version = await api.probe
      .remove(`${MAPS}/a`, { preconditions: { resourceVersion: created.metadata?.resourceVersion } })
      .catch(failure);
    await api.probe.remove(`${MAPS}/a`, {
      preconditions: { uid: created.metadata?.uid, resourceVersion: changed.metadata?.resourceVersion },
    });

    expect(uid).toMatchObject({ code: 409, reason: 'Conflict' });
    expect(version).toMatchObject({ code: 409, reason: 'Conflict' });
  });

  it('takes a collection by selector', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', {}, { labels: { x: '1' } }));
    await api.probe.create(MAPS, configMap('b', {}, { labels: { x: '2' } }));
    await api.probe.create(MAPS, configMap('c', {}, { labels: { x: '1' }, finalizers: ['example.com/x'] }));

    await api.probe.call('DELETE', MAPS, { query: { labelSelector: 'x=1' } });

    const left: Loose = await api.probe.get(MAPS);
    expect(left.items.map((item: Loose) => [item.metadata.name, item.metadata.deletionTimestamp !== undefined])).toEqual([
      ['b', false],
      ['c', true],
    ]);
  });

  it('keeps a namespace until it is finalized, and lets nothing new in', async () => {
    await using api = await setUp();
    await api.probe.create('/api/v1/namespaces', { metadata: { name: 'n' } });

    const pending = await api.probe.remove('/api/v1/namespaces/n');
    const refused = await api.probe.create('/api/v1/namespaces/n/configmaps', configMap('a')).catch(failure);
    await api.probe.update('/api/v1/namespaces/n/finalize', { ...pending, spec: { finalizers: [] } });

    expect(pending).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Terminating' } });
    expect(refused).toMatchObject({ code: 403, details: { causes: [{ reason: 'NamespaceTerminating' }] } });
    expect(await api.probe.get('/api/v1/namespaces/n').catch(failure)).toMatchObject({ code: 404 });
    expect(await api.probe.remove('/api/v1/namespaces/default').catch(failure)).toMatchObject({ code: 403 });
  });
});
