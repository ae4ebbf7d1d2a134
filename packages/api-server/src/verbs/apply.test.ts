import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose, configMap, deployment, DEPLOYMENTS, MAPS, pod, PODS } from '../test-support/api-probe.ts';
import { HttpsServer } from '../test-support/https-server.ts';
import { startTestApiServer } from '../testing.ts';

const APPLY = 'application/apply-patch+yaml';
const T0 = '2026-01-01T00:00:00Z';

async function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const api = await startTestApiServer({ clock });
  return Object.assign(api, { probe: new ApiProbe(api.transport), clock });
}

const failure = (caught: unknown): Loose => caught;
const as = (fieldManager: string, more: Record<string, string> = {}) => ({ fieldManager, ...more });
const forced = (fieldManager: string) => as(fieldManager, { force: 'true' });
const entriesOf = (object: Loose): Loose[] => object.metadata.managedFields ?? [];
const owners = (object: Loose): Loose =>
  Object.fromEntries(entriesOf(object).map((entry) => [`${entry.manager} ${entry.operation}`, entry.fieldsV1]));
const mapOf = (data: Record<string, string>, meta: object = {}) => configMap('a', { data }, { ...meta });

describe('apply', () => {
  it('creates what is not there', async () => {
    await using api = await setUp();

    const { status, body } = await api.probe.call('PATCH', `${MAPS}/a`, {
      body: mapOf({ k: 'v' }, { labels: { x: '1' } }),
      contentType: APPLY,
      query: as('me'),
    });

    expect(status).toBe(201);
    expect(body).toMatchObject({ metadata: { name: 'a', namespace: 'default', uid: expect.any(String) }, data: { k: 'v' } });
    expect(entriesOf(body)).toEqual([
      {
        manager: 'me',
        operation: 'Apply',
        apiVersion: 'v1',
        time: T0,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:k': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
      },
    ]);
  });

  it('owns nothing that is defaulted', async () => {
    await using api = await setUp();

    const created = await api.probe.apply(DEPLOYMENTS + '/a', deployment('a'), as('me'));

    expect(created['spec'].replicas).toBe(1);
    expect(owners(created)).toEqual({
      'me Apply': {
        'f:spec': {
          'f:selector': {},
          'f:template': {
            'f:metadata': { 'f:labels': { 'f:app': {} } },
            'f:spec': { 'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
          },
        },
      },
    });
  });

  it('done twice changes nothing: no version, no event, no time', async () => {
    await using api = await setUp();
    const first = await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 2 }), as('me'));
    using log = await api.probe.watch(DEPLOYMENTS, { resourceVersion: first.metadata.resourceVersion });
    await api.clock.advance(10_000);

    const second = await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 2 }), as('me'));
    await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 3 }), as('me'));
    await log.reach(1);

    expect(second).toEqual(first);
    expect(log.lines).toEqual(['MODIFIED a']);
  });

  it('removes what it does not apply any more, unless others own it', async () => {
    await using api = await setUp();
    await api.probe.apply(`${MAPS}/a`, mapOf({ mine: '1', shared: '1', taken: '1' }), as('me'));
    await api.probe.apply(`${MAPS}/a`, mapOf({ shared: '1' }), as('other'));
    await api.probe.merge(`${MAPS}/a`, { data: { taken: '2', foreign: '3' } }, as('third'));

    const applied = await api.probe.apply(`${MAPS}/a`, configMap('a'), as('me'));

    expect(applied['data']).toEqual({ shared: '1', taken: '2', foreign: '3' });
    expect(owners(applied)).toEqual({
      'other Apply': { 'f:data': { 'f:shared': {} } },
      'third Update': { 'f:data': { 'f:foreign': {}, 'f:taken': {} } },
    });
  });

  it('removes an item of a list with what nobody else owns in it', async () => {
    await using api = await setUp();
    const containers = [
      { name: 'main', image: 'a' },
      { name: 'side', image: 'b' },
      { name: 'third', image: 'c' },
    ];
    const template = (list: object[]) => ({ template: { metadata: { labels: { app: 'a' } }, spec: { containers: list } } });
    await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', template(containers)), as('me'));
    const env = [{ name: 'X', value: '1' }];
    await api.probe.apply(
      `${DEPLOYMENTS}/a`,
      { ...deployment('a'), spec: template([{ name: 'third', image: 'c', env }]) },
      as('other'),
    );

    const applied = await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', template(containers.slice(0, 1))), as('me'));

    expect(applied['spec'].template.spec.containers).toMatchObject([{ name: 'main' }, { name: 'third', env }]);
  });

  it('sets and removes null lists and maps as kubectl users expect', async () => {
    await using api = await setUp();
    const finalizers = ['a.b/c', 'a.b/d'];
    await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }, { finalizers, labels: { x: '1' } }), as('me'));
    await api.probe.merge(`${MAPS}/a`, { metadata: { finalizers: [...finalizers, 'a.b/e'] } }, as('other'));

    const applied = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }, { finalizers: ['a.b/d'] }), as('me'));

    expect(applied.metadata).not.toHaveProperty('labels');
    expect(applied.metadata.finalizers).toEqual(['a.b/d', 'a.b/e']);
  });

  it('shares what has the same value, and hands it over without a conflict', async () => {
    await using api = await setUp();
    await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 3 }), as('me'));
    const scaler = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec: { replicas: 3 } };

    const shared = await api.probe.apply(`${DEPLOYMENTS}/a`, scaler, as('scaler'));
    const left = await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a'), as('me'));
    const scaled = await api.probe.apply(`${DEPLOYMENTS}/a`, { ...scaler, spec: { replicas: 5 } }, as('scaler'));

    expect(owners(shared)['me Apply']['f:spec']['f:replicas']).toEqual({});
    expect(owners(shared)['scaler Apply']).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(left['spec'].replicas).toBe(3);
    expect(scaled['spec'].replicas).toBe(5);
  });

  it('tells ports apart by number and protocol, which is TCP if it is not said', async () => {
    await using api = await setUp();
    const path = '/api/v1/namespaces/default/services/a';
    const service = (ports: object[]) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports } });
    const dns = [
      { name: 'tcp', port: 53, protocol: 'TCP' },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ];
    await api.probe.apply(path, service(dns), as('me'));

    const applied = await api.probe.apply(path, service([{ name: 'tcp', port: 53, targetPort: 5353 }]), as('me'));

    expect(applied['spec'].ports).toMatchObject([{ name: 'tcp', port: 53, protocol: 'TCP', targetPort: 5353 }]);
    expect(owners(applied)['me Apply']['f:spec']['f:ports']).toEqual({
      'k:{"port":53,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {}, 'f:targetPort': {} },
    });
  });

  it('and update of one manager are two', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, mapOf({ k: 'v' }), as('me'));

    const conflicts = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'w' }), as('me')).catch(failure);
    const applied = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }), as('me'));

    expect(conflicts.code).toBe(409);
    expect(Object.keys(owners(applied))).toEqual(['me Apply', 'me Update']);
  });

  it('of an object of which nothing is noted takes all in it for what was before', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, mapOf({ k: 'v', old: '1' }));
    await api.probe.merge(`${MAPS}/a`, { metadata: { managedFields: [{}] } });

    const refused = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'w' }), as('me')).catch(failure);
    const applied = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'w' }), forced('me'));

    expect(refused.message).toBe('Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.k');
    expect(owners(applied)).toEqual({
      'me Apply': { 'f:data': { 'f:k': {} } },
      'before-first-apply Update': { 'f:data': { '.': {}, 'f:old': {} } },
    });
  });
});

describe('conflicts', () => {
  it('name each field and its owner, and force takes them', async () => {
    await using api = await setUp();
    await api.probe.apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 1, paused: true }), as('one'));
    await api.probe.merge(`${DEPLOYMENTS}/a`, { metadata: { labels: { x: '1' } } }, as('two'));
    const wanted = { ...deployment('a', { replicas: 2, paused: false }), metadata: { name: 'a', labels: { x: '2' } } };

    const refused = await api.probe.apply(`${DEPLOYMENTS}/a`, wanted, as('me')).catch(failure);
    const applied = await api.probe.apply(`${DEPLOYMENTS}/a`, wanted, forced('me'));

    expect(refused).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 3 conflicts: conflicts with "one":\n- .spec.paused\n- .spec.replicas\nconflicts with "two" using apps/v1:\n- .metadata.labels.x',
      details: {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.paused' },
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' },
          { reason: 'FieldManagerConflict', message: 'conflict with "two" using apps/v1', field: '.metadata.labels.x' },
        ],
      },
    });
    expect(applied).toMatchObject({ spec: { replicas: 2 }, metadata: { labels: { x: '2' } } });
    expect(owners(applied)['one Apply']['f:spec']).not.toHaveProperty('f:replicas');
    expect(owners(applied)['two Update']).toEqual({ 'f:metadata': { 'f:labels': {} } });
  });

  it('name items of lists by their keys', async () => {
    await using api = await setUp();
    await api.probe.apply(`${PODS}/a`, pod('a', { containers: [{ name: 'main', image: 'one' }] }), as('one'));

    const refused = await api.probe
      .apply(`${PODS}/a`, pod('a', { containers: [{ name: 'main', image: 'two' }] }), as('two'))
      .catch(failure);

    expect(refused.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.containers[name="main"].image');
  });

  it('do not move the time of who loses a field', async () => {
    await using api = await setUp();
    await api.probe.apply(`${MAPS}/a`, mapOf({ k: '1', l: '1' }), as('one'));
    await api.clock.advance(10_000);

    const applied = await api.probe.apply(`${MAPS}/a`, mapOf({ k: '2' }), forced('two'));

    expect(entriesOf(applied).map(({ manager, time }) => [manager, time])).toEqual([
      ['one', T0],
      ['two', '2026-01-01T00:00:10Z'],
    ]);
  });
});

describe('what can not be applied', () => {
  it.each([
    [
      'without a manager',
      mapOf({}),
      {},
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    ['with managedFields', mapOf({}, { managedFields: [] }), as('me'), 400, 'metadata.managedFields must be nil'],
    ['as another kind', { ...mapOf({}), kind: 'Secret' }, as('me'), 400, 'invalid object type: /v1, Kind=Secret'],
    ['without a kind', { metadata: { name: 'a' } }, as('me'), 400, 'invalid object type: /, Kind='],
    ['under another name', configMap('b'), as('me'), 400, 'the name of the object (b) does not match the name on the URL (a)'],
    [
      'in another namespace',
      mapOf({}, { namespace: 'other' }),
      as('me'),
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'with a field that is not there',
      { ...mapOf({}), nope: 1 },
      as('me'),
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .nope: field not declared in schema',
    ],
    [
      'with an item twice',
      mapOf({}, { finalizers: ['a/b', 'a/b'] }),
      as('me'),
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a/b"]',
    ],
  ])('is an object %s', async (_title, body, query, code, message) => {
    await using api = await setUp();

    const created = await api.probe.apply(`${MAPS}/a`, body, query).catch(failure);
    await api.probe.create(MAPS, mapOf({ k: 'v' }));
    const updated = await api.probe.apply(`${MAPS}/a`, body, query).catch(failure);

    expect(created).toMatchObject({ code, message });
    expect(updated).toMatchObject({ code, message });
  });

  it('is an object without a name, if there is none yet', async () => {
    await using api = await setUp();
    const nameless = { apiVersion: 'v1', kind: 'ConfigMap', data: { k: 'v' } };

    const created = await api.probe.apply(`${MAPS}/a`, nameless, as('me')).catch(failure);
    await api.probe.create(MAPS, mapOf({}));
    const updated = await api.probe.apply(`${MAPS}/a`, nameless, as('me'));

    expect(created).toMatchObject({
      code: 400,
      message: 'the name of the object (a based on URL) was undeterminable: name must be provided',
    });
    expect(updated['data']).toEqual({ k: 'v' });
  });

  it('is judged as every object is', async () => {
    await using api = await setUp();

    const refused = await api.probe.apply(`${PODS}/a`, pod('a', { restartPolicy: 'Sometimes' }), as('me')).catch(failure);
    const wrong = await api.probe.apply(`${PODS}/a`, pod('a', { priority: 1.5 }), as('me')).catch(failure);

    expect(refused).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(wrong).toMatchObject({ code: 400 });
  });

  it('is force without apply', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, mapOf({}));

    const refused = await api.probe.merge(`${MAPS}/a`, {}, forced('me')).catch(failure);

    expect(refused.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });
});

describe('preconditions', () => {
  it('are the version and the uid in the configuration', async () => {
    await using api = await setUp();
    const created = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }), as('me'));
    const { resourceVersion, uid } = created.metadata;

    const right = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'w' }, { resourceVersion, uid }), as('me'));
    const stale = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'x' }, { resourceVersion }), as('me')).catch(failure);
    const other = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'x' }, { uid: 'other' }), as('me')).catch(failure);
    const absent = await api.probe.apply(`${MAPS}/b`, configMap('b', {}, { uid }), as('me')).catch(failure);
    const gone = await api.probe.apply(`${MAPS}/b`, configMap('b', {}, { resourceVersion }), as('me')).catch(failure);

    expect(owners(right)).toEqual({ 'me Apply': { 'f:data': { 'f:k': {} } } });
    expect(stale).toMatchObject({ code: 409, reason: 'Conflict' });
    expect(other).toMatchObject({
      code: 409,
      message: expect.stringContaining('Precondition failed: UID in precondition: other'),
    });
    expect(absent.message).toBe(
      `Operation cannot be fulfilled on configmaps "b": uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
    expect(gone).toMatchObject({ code: 409 });
  });

  it('are the right to create, for what is not there', async () => {
    const authorizer = { authorize: async ({ verb }: { verb: string }) => ({ allowed: verb !== 'create' }) };
    await using api = await startTestApiServer();
    const probe = new ApiProbe(api.transport);
    await probe.create(MAPS, mapOf({}));
    api.server.extend({ authorizer });

    const created = await probe.apply(`${MAPS}/b`, configMap('b'), as('me')).catch(failure);
    const updated = await probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }), as('me'));

    expect(created).toMatchObject({
      code: 403,
      message: expect.stringContaining('User "test-admin" cannot create resource "configmaps" in API group ""'),
    });
    expect(updated['data']).toEqual({ k: 'v' });
  });
});

describe('dry run', () => {
  it('answers what would be, and stores nothing', async () => {
    await using api = await setUp();
    const before = await api.store.revision();

    const created = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }), as('me', { dryRun: 'All' }));
    const unchanged = await api.store.revision();
    await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'v' }), as('me'));
    const updated = await api.probe.apply(`${MAPS}/a`, mapOf({ k: 'w' }), as('me', { dryRun: 'All' }));

    expect(created['data']).toEqual({ k: 'v' });
    expect(unchanged).toBe(before);
    expect(updated['data']).toEqual({ k: 'w' });
    expect((await api.probe.get(`${MAPS}/a`))['data']).toEqual({ k: 'v' });
  });
});

describe('subresources', () => {
  it('apply to the status, which is owned apart', async () => {
    await using api = await setUp();
    await api.probe.apply(`${PODS}/a`, pod('a'), as('me'));
    const status = (body: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, ...body });
    const condition = { type: 'example.com/Fine', status: 'True' };

    const applied = await api.probe.apply(
      `${PODS}/a/status`,
      status({ status: { conditions: [condition] }, spec: { hostname: 'x' } }),
      as('me'),
    );
    const removed = await api.probe.apply(`${PODS}/a/status`, status({}), as('me'));
    const absent = await api.probe.apply(`${PODS}/b/status`, { ...status({}), metadata: { name: 'b' } }, as('me')).catch(failure);

    expect(applied['spec']).not.toHaveProperty('hostname');
    expect(entriesOf(applied)).toMatchObject([
      { manager: 'me', operation: 'Apply' },
      { manager: 'me', operation: 'Apply', subresource: 'status' },
    ]);
    expect(entriesOf(applied)[1].fieldsV1).toEqual({
      'f:status': { 'f:conditions': { 'k:{"type":"example.com/Fine"}': { '.': {}, 'f:status': {}, 'f:type': {} } } },
    });
    expect(removed['status'].conditions ?? []).toEqual([]);
    expect(entriesOf(removed)).toHaveLength(1);
    expect(absent).toMatchObject({ code: 404 });
  });

  it('do not own the status through the object', async () => {
    await using api = await setUp();

    const applied = await api.probe.apply(`${PODS}/a`, { ...pod('a'), status: { phase: 'Running' } }, as('me'));

    expect(owners(applied)['me Apply']).not.toHaveProperty('f:status');
    expect(applied['status'].phase).toBe('Pending');
  });

  it('apply to the scale, which owns the replicas of the object', async () => {
    await using api = await setUp();
    const path = `${DEPLOYMENTS}/a`;
    const scale = (replicas: number) => ({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'a' },
      spec: { replicas },
    });
    await api.probe.apply(path, deployment('a', { replicas: 1 }), as('me'));

    const refused = await api.probe.apply(`${path}/scale`, scale(2), as('scaler')).catch(failure);
    const applied = await api.probe.apply(`${path}/scale`, scale(2), forced('scaler'));
    const again = await api.probe.apply(`${path}/scale`, scale(3), as('scaler'));
    const back = await api.probe.apply(path, deployment('a', { replicas: 1 }), as('me')).catch(failure);
    const read = await api.probe.get(path);

    expect(refused.message).toBe('Apply failed with 1 conflict: conflict with "me": .spec.replicas');
    expect([applied['spec'].replicas, again['spec'].replicas]).toEqual([2, 3]);
    expect(back.message).toBe('Apply failed with 1 conflict: conflict with "scaler" with subresource "scale": .spec.replicas');
    expect(entriesOf(read)).toMatchObject([
      { manager: 'me', operation: 'Apply', apiVersion: 'apps/v1' },
      {
        manager: 'scaler',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
    ]);
    expect(owners(read)['me Apply']['f:spec']).not.toHaveProperty('f:replicas');
  });
});

describe('versions', () => {
  it('are those in which fields were applied, and what is removed goes in all of them', async () => {
    await using api = await setUp();
    const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers/a`;
    const scaler = (version: string, spec: object) => ({
      apiVersion: `autoscaling/${version}`,
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'a' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' }, maxReplicas: 5, ...spec },
    });
    await api.probe.apply(path('v1'), scaler('v1', { minReplicas: 2, targetCPUUtilizationPercentage: 80 }), as('me'));

    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }];
    const refused = await api.probe.apply(path('v2'), scaler('v2', { metrics }), as('other')).catch(failure);
    const applied = await api.probe.apply(path('v2'), scaler('v2', { metrics }), as('me'));

    expect(refused.message).toBe('Apply failed with 1 conflict: conflict with "me": .spec.targetCPUUtilizationPercentage');
    expect(applied['spec']).toMatchObject({ minReplicas: 1, metrics });
    expect(entriesOf(applied)).toMatchObject([{ manager: 'me', operation: 'Apply', apiVersion: 'autoscaling/v2' }]);
  });
});

describe('what kubectl applied on the client before', () => {
  const LAST = 'kubectl.kubernetes.io/last-applied-configuration';
  const clientSide = (object: Loose): Loose => ({
    ...object,
    metadata: { ...object.metadata, annotations: { [LAST]: `${JSON.stringify(object)}\n` } },
  });

  it('is its own when it applies on the server', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, clientSide(deployment('a', { replicas: 1 })), as('kubectl-client-side-apply'));
    const wanted = deployment('a', { replicas: 2 });

    const refused = await api.probe.apply(`${DEPLOYMENTS}/a`, wanted, as('somebody')).catch(failure);
    const applied = await api.probe.apply(`${DEPLOYMENTS}/a`, wanted, as('kubectl'));

    expect(refused.message).toBe(
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    );
    expect(applied['spec'].replicas).toBe(2);
    expect(JSON.parse(applied.metadata.annotations[LAST])).toEqual(wanted);
  });

  it('is not its own if somebody has changed it since', async () => {
    await using api = await setUp();
    await api.probe.create(
      DEPLOYMENTS,
      clientSide(deployment('a', { replicas: 1, paused: true })),
      as('kubectl-client-side-apply'),
    );
    await api.probe.merge(`${DEPLOYMENTS}/a`, { spec: { replicas: 7 } }, as('somebody'));

    const refused = await api.probe
      .apply(`${DEPLOYMENTS}/a`, deployment('a', { replicas: 2, paused: false }), as('kubectl'))
      .catch(failure);

    expect(refused.message).toBe('Apply failed with 1 conflict: conflict with "somebody" using apps/v1: .spec.replicas');
  });
});

describe('the body', () => {
  const send = (server: HttpsServer, body: string, query = '') =>
    server.json(`${MAPS}/a?fieldManager=me${query}`, { method: 'PATCH', body, headers: { 'content-type': APPLY } });
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: "1"\n';

  it('is YAML or JSON', async () => {
    await using server = await HttpsServer.start();

    const first = await send(server, yaml);
    const second = await send(server, JSON.stringify(mapOf({ k: '2' })));
    const flow = await send(server, '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: "3"}}');

    expect([first.status, second.status, flow.status]).toEqual([201, 200, 200]);
    expect([first.value.data, second.value.data, flow.value.data]).toEqual([{ k: '1' }, { k: '2' }, { k: '3' }]);
  });

  it.each([
    ['YAML that breaks off', '{a: [', /^error decoding patch: error converting YAML to JSON: yaml: /],
    ['a list', '[]', /^error decoding patch: .*cannot unmarshal array into Go value of type map\[string\]interface \{\}/],
    ['null', 'null', /^invalid object type: \/, Kind=$/],
  ])('is not %s', async (_title, body, message) => {
    await using server = await HttpsServer.start();

    const { status, value } = await send(server, body);

    expect(status).toBe(400);
    expect(value.message).toMatch(message);
  });

  it.each([
    ['YAML', `${yaml}  k: "2"\n`, 'line 7'],
    ['JSON', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}', 'line 1'],
  ])('may not have a key twice if it is to be strict: %s', async (_title, body, line) => {
    await using server = await HttpsServer.start();
    const fault = `error converting YAML to JSON: yaml: unmarshal errors:\n  ${line}: key "k" already set in map`;

    const strict = await send(server, body, '&fieldValidation=Strict');
    const warned = await send(server, body, '&fieldValidation=Warn');
    const ignored = await send(server, body, '&fieldValidation=Ignore');

    expect(strict).toMatchObject({ status: 400, value: { message: `error strict decoding patch: ${fault}` } });
    expect(warned.status).toBe(201);
    expect(ignored).toMatchObject({ status: 200, value: { data: { k: '2' } } });
  });
});
