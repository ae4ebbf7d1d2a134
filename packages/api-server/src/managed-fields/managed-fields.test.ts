import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose, configMap, deployment, DEPLOYMENTS, MAPS, pod, PODS } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';
import type { AdmissionMutator } from '../admission/admission.ts';
import { managerOf } from './manager-name.ts';
import { Query } from '../request/query.ts';

async function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const api = await startTestApiServer({ clock });
  return Object.assign(api, { probe: new ApiProbe(api.transport), clock });
}

const failure = (caught: unknown): Loose => caught;
const as = (fieldManager: string) => ({ fieldManager });
const entriesOf = (object: Loose): Loose[] => object.metadata.managedFields ?? [];
const owners = (object: Loose): Loose => Object.fromEntries(entriesOf(object).map((entry) => [entry.manager, entry.fieldsV1]));

const T0 = '2026-01-01T00:00:00Z';
const T1 = '2026-01-01T00:00:10Z';

describe('what is noted of a create', () => {
  it('is what the client says and what is defaulted from it, as kubectl shows it of a Deployment', async () => {
    await using api = await setUp();

    const created = await api.probe.create(DEPLOYMENTS, deployment('a', { replicas: 2 }), as('kubectl-create'));

    expect(entriesOf(created)).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: T0,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:progressDeadlineSeconds': {},
            'f:replicas': {},
            'f:revisionHistoryLimit': {},
            'f:selector': {},
            'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': {
                'f:containers': {
                  'k:{"name":"main"}': {
                    '.': {},
                    'f:image': {},
                    'f:imagePullPolicy': {},
                    'f:name': {},
                    'f:resources': {},
                    'f:terminationMessagePath': {},
                    'f:terminationMessagePolicy': {},
                  },
                },
                'f:dnsPolicy': {},
                'f:restartPolicy': {},
                'f:schedulerName': {},
                'f:securityContext': {},
                'f:terminationGracePeriodSeconds': {},
              },
            },
          },
        },
      },
    ]);
  });

  it('is nothing that admission or allocation put in', async () => {
    await using api = await setUp();
    const services = '/api/v1/namespaces/default/services';

    const created = await api.probe.create(PODS, pod('a'), as('me'));
    const service = await api.probe.create(services, { metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } }, as('me'));

    expect(created['spec'].serviceAccountName).toBe('default');
    expect(Object.keys(owners(created).me['f:spec'])).toEqual([
      'f:containers',
      'f:dnsPolicy',
      'f:enableServiceLinks',
      'f:restartPolicy',
      'f:schedulerName',
      'f:securityContext',
      'f:terminationGracePeriodSeconds',
    ]);
    expect(service['spec'].clusterIP).toBeDefined();
    expect(owners(service).me['f:spec']).toMatchObject({
      'f:ports': {
        '.': {},
        'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:protocol': {}, 'f:targetPort': {} },
      },
      'f:type': {},
    });
    expect(owners(service).me['f:spec']).not.toHaveProperty('f:clusterIP');
  });

  it('keeps what the client says was noted before, if it makes sense', async () => {
    await using api = await setUp();
    const before = { manager: 'x', operation: 'Apply', apiVersion: 'v1', time: T0, fieldsType: 'FieldsV1' };
    const good = { ...before, fieldsV1: { 'f:data': { 'f:k': {} } } };

    const kept = await api.probe.create(MAPS, configMap('a', { data: { k: 'v' } }, { managedFields: [good] }), as('me'));
    const bad = { ...good, fieldsV1: { nonsense: {} } };
    const dropped = await api.probe.create(MAPS, configMap('b', { data: { k: 'v' } }, { managedFields: [bad] }), as('me'));
    const reset = await api.probe.create(MAPS, configMap('c', { data: { k: 'v' } }, { managedFields: [{}] }), as('me'));

    expect(owners(kept)).toEqual({ x: { 'f:data': { 'f:k': {} } }, me: { 'f:data': { '.': {}, 'f:k': {} } } });
    expect(owners(dropped)).toEqual({ me: { 'f:data': { '.': {}, 'f:k': {} } } });
    expect(owners(reset)).toEqual({ me: { 'f:data': { '.': {}, 'f:k': {} } } });
  });
});

describe('what is noted of an update', () => {
  it('takes what it changes and removes from others, and leaves the rest with them', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', { data: { one: '1', two: '2', three: '3' } }), as('first'));
    await api.clock.advance(10_000);

    const updated = await api.probe.update(
      `${MAPS}/a`,
      configMap('a', { data: { one: '1', two: 'x', four: '4' } }),
      as('second'),
    );

    expect(entriesOf(updated)).toMatchObject([
      { manager: 'first', time: T0, fieldsV1: { 'f:data': { '.': {}, 'f:one': {} } } },
      { manager: 'second', time: T1, fieldsV1: { 'f:data': { 'f:four': {}, 'f:two': {} } } },
    ]);
    expect(owners(updated).first).toEqual({ 'f:data': { '.': {}, 'f:one': {} } });
  });

  it('drops who owns nothing any more, and does not move the time of who only lost', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', {}, { labels: { x: '1' } }), as('first'));
    await api.probe.merge(`${MAPS}/a`, { data: { k: 'v' } }, as('second'));
    await api.clock.advance(10_000);

    const updated = await api.probe.merge(`${MAPS}/a`, { metadata: { labels: null } }, as('third'));

    expect(entriesOf(updated).map(({ manager, time }) => [manager, time])).toEqual([['second', T0]]);
  });

  it('is nothing if nothing changes: no version, no event, no time', async () => {
    await using api = await setUp();
    const created = await api.probe.create(PODS, pod('a', {}, { labels: { x: '1' } }), as('first'));
    using log = await api.probe.watch(PODS, { resourceVersion: created.metadata.resourceVersion });
    await api.clock.advance(10_000);

    const put = await api.probe.update(`${PODS}/a`, created, as('second'));
    const patched = await api.probe.merge(`${PODS}/a`, { metadata: { labels: { x: '1' } } }, as('second'));
    await api.probe.merge(`${PODS}/a`, { metadata: { labels: { x: '2' } } }, as('first'));
    await log.reach(1);

    expect(put).toEqual(created);
    expect(patched).toEqual(created);
    expect(log.lines).toEqual(['MODIFIED a']);
  });

  it('is told apart by manager, operation, version and subresource', async () => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a'), as('me'));

    await api.probe.merge(`${PODS}/a/status`, { status: { phase: 'Running' } }, as('me'));
    const read = await api.probe.merge(
      `${PODS}/a/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: 'd', image: 'i' }] } },
      as('me'),
    );

    const [main, ephemeral, status] = entriesOf(read);
    expect(main).not.toHaveProperty('subresource');
    expect(main.fieldsV1).not.toHaveProperty('f:status');
    expect(ephemeral).toMatchObject({ manager: 'me', operation: 'Update', apiVersion: 'v1', subresource: 'ephemeralcontainers' });
    expect(ephemeral.fieldsV1['f:spec']['f:ephemeralContainers']['k:{"name":"d"}']['f:image']).toEqual({});
    expect(status).toMatchObject({ subresource: 'status', fieldsV1: { 'f:status': { 'f:phase': {} } } });
  });

  it('is of the field that scale changes, in the version of the object', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a', { replicas: 1 }), as('me'));

    await api.probe.merge(`${DEPLOYMENTS}/a/scale`, { spec: { replicas: 3 } }, as('scaler'));
    const read = await api.probe.get(`${DEPLOYMENTS}/a`);

    expect(owners(read).me['f:spec']).not.toHaveProperty('f:replicas');
    expect(entriesOf(read)[1]).toMatchObject({
      manager: 'scaler',
      operation: 'Update',
      apiVersion: 'apps/v1',
      subresource: 'scale',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('is nothing that the server does by itself', async () => {
    await using api = await setUp();
    const created = await api.probe.create(PODS, pod('a'), as('me'));

    await api.probe.create(`${PODS}/a/binding`, { target: { kind: 'Node', name: 'n1' } });
    const bound = await api.probe.get(`${PODS}/a`);

    expect(bound['spec'].nodeName).toBe('n1');
    expect(entriesOf(bound)).toEqual(entriesOf(created));
  });

  it('knows each version of a kind', async () => {
    await using api = await setUp();
    const [v1, v2] = ['v1', 'v2'].map((version) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`);
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' };
    const spec = { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 80 };
    await api.probe.create(`${v1}`, { metadata: { name: 'a' }, spec }, as('old'));

    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }];
    const updated = await api.probe.merge(`${v2}/a`, { spec: { metrics, maxReplicas: 4 } }, as('new'));

    expect(entriesOf(updated)).toMatchObject([
      { manager: 'new', apiVersion: 'autoscaling/v2', fieldsV1: { 'f:spec': { 'f:maxReplicas': {}, 'f:metrics': {} } } },
      { manager: 'old', apiVersion: 'autoscaling/v1' },
    ]);
    expect(owners(updated).old).toEqual({ 'f:spec': { 'f:minReplicas': {}, 'f:scaleTargetRef': {} } });
  });

  it('keeps ten who update, and makes one of the oldest', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', { data: { k0: '' } }), as('m00'));
    for (let at = 1; at <= 12; at += 1) {
      await api.clock.advance(1_000);
      await api.probe.merge(`${MAPS}/a`, { data: { [`k${at}`]: '' } }, as(`m${String(at).padStart(2, '0')}`));
    }

    const read = await api.probe.get(`${MAPS}/a`);

    expect(entriesOf(read).map(({ manager }) => manager)).toEqual([
      'ancient-changes',
      ...['04', '05', '06', '07', '08', '09', '10', '11', '12'].map((number) => `m${number}`),
    ]);
    expect(entriesOf(read)[0]).toMatchObject({
      time: '2026-01-01T00:00:03Z',
      fieldsV1: { 'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {}, 'f:k3': {} } },
    });
  });
});

describe('what a client says in metadata.managedFields', () => {
  it.each([
    ['one empty entry', [{}]],
    ['an empty list', []],
  ])('stops the notes, if it is %s', async (_title, managedFields) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', { data: { k: 'v' } }), as('me'));

    const reset = await api.probe.merge(`${MAPS}/a`, { metadata: { managedFields } }, as('me'));
    const later = await api.probe.merge(`${MAPS}/a`, { data: { k: 'w' } }, as('me'));

    expect(reset.metadata).not.toHaveProperty('managedFields');
    expect(later.metadata).not.toHaveProperty('managedFields');
  });

  it('counts, and is brought into one form', async () => {
    await using api = await setUp();
    const created = await api.probe.create(MAPS, configMap('a', { data: { k: 'v' } }, { finalizers: ['a/b'] }), as('me'));
    const entry = {
      ...entriesOf(created)[0],
      manager: 'other',
      fieldsV1: { 'f:metadata': { 'f:finalizers': { 'v: "a/b"': {} } } },
    };

    const updated = await api.probe.merge(`${MAPS}/a`, { metadata: { managedFields: [entry] } }, as('me'));

    expect(owners(updated)).toEqual({ other: { 'f:metadata': { 'f:finalizers': { 'v:"a/b"': {} } } } });
  });

  it('does not count if it makes no sense, or comes through a subresource', async () => {
    await using api = await setUp();
    const created = await api.probe.create(PODS, pod('a'), as('me'));
    const [entry] = entriesOf(created);

    const broken = await api.probe.merge(`${PODS}/a`, { metadata: { managedFields: [{ ...entry, fieldsType: '' }] } }, as('me'));
    const status = await api.probe.merge(`${PODS}/a/status`, { metadata: { managedFields: [{}] } }, as('me'));
    const absent = await api.probe.update(`${PODS}/a`, {
      ...created,
      metadata: { ...created.metadata, managedFields: undefined },
    });

    for (const object of [broken, status, absent]) expect(entriesOf(object)).toEqual([entry]);
  });
});

describe('what admission makes of metadata.managedFields', () => {
  const entry = { manager: 'hook', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' };

  it.each([
    ['counts, if it makes sense', { ...entry, fieldsV1: { 'f:data': { 'f:k': {} } } }, 'hook', []],
    [
      'is put back with a warning, if it makes none',
      { ...entry, fieldsType: 'FieldsV2', fieldsV1: {} },
      'me',
      [
        expect.stringMatching(
          /^\.metadata\.managedFields was in an invalid state after admission; .*: invalid fieldsType "FieldsV2"/,
        ),
      ],
    ],
  ])('%s', async (_title, changed, manager, warnings) => {
    const mutator: AdmissionMutator = {
      name: 'test',
      mutate: async ({ object }) => ({ ...object, metadata: { ...object.metadata, managedFields: [changed] } }),
    };
    await using api = await startTestApiServer({ mutators: [mutator], namespaces: [] });
    const probe = new ApiProbe(api.transport);

    const created = await probe.call('POST', '/api/v1/namespaces', {
      body: { metadata: { name: 'a', labels: { x: 'y' } } },
      query: as('me'),
    });

    expect(Object.keys(owners(created.body))).toEqual([manager]);
    expect(created.warnings).toEqual(warnings);
  });
});

describe('the manager', () => {
  it.each([
    [undefined, 'kubectl/v1.36.0 (linux/amd64) kubernetes/abc', 'kubectl'],
    [undefined, 'kube-controller-manager', 'kube-controller-manager'],
    [undefined, undefined, 'unknown'],
    [undefined, `${'x'.repeat(200)}/1`, 'x'.repeat(128)],
    [undefined, 'a\u0007b\u00e9/1', 'ab\u00e9'],
    ['me', 'kubectl/v1', 'me'],
  ])('of %j and %j is %j', (fieldManager, userAgent, manager) => {
    expect(managerOf({ query: Query.of({ fieldManager }), userAgent })).toBe(manager);
  });

  it.each([
    ['system:kube-scheduler', 'kube-scheduler'],
    ['system:node:n1', 'kubelet'],
    ['system:serviceaccount:kube-system:deployment-controller', 'kube-controller-manager'],
    ['somebody', 'keelson'],
  ])('of a caller in the process that acts as %s is %s', async (name, manager) => {
    await using api = await setUp();
    const probe = new ApiProbe(api.server.transport({ name, groups: ['system:masters'] }));

    const created = await probe.create(MAPS, configMap('a', { data: { k: 'v' } }));

    expect(Object.keys(owners(created))).toEqual([manager]);
  });

  it.each([
    ['x'.repeat(129), 'fieldManager: Too long: may not be more than 128 bytes'],
    ['a\u0007', 'fieldManager: Invalid value: "a\\a": invalid character U+0007 (at position 1)'],
  ])('can not be %j', async (fieldManager, message) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    const created = await api.probe.create(MAPS, configMap('b'), { fieldManager }).catch(failure);
    const updated = await api.probe.update(`${MAPS}/a`, configMap('a'), { fieldManager }).catch(failure);
    const patched = await api.probe.merge(`${MAPS}/a`, {}, { fieldManager }).catch(failure);

    expect(created).toMatchObject({ code: 422, message: `CreateOptions.meta.k8s.io "" is invalid: ${message}` });
    expect(updated).toMatchObject({ code: 422, message: `UpdateOptions.meta.k8s.io "" is invalid: ${message}` });
    expect(patched).toMatchObject({ code: 422, message: `PatchOptions.meta.k8s.io "" is invalid: ${message}` });
  });
});
