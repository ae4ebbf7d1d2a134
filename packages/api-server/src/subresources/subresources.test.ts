import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose, deployment, DEPLOYMENTS, pod, PODS } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

async function setUp() {
  const api = await startTestApiServer();
  return Object.assign(api, { probe: new ApiProbe(api.transport) });
}

const failure = (caught: unknown): Loose => caught;

describe('scale', () => {
  it('reads and writes the replicas', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a', { replicas: 2 }));

    const scale = await api.probe.get(`${DEPLOYMENTS}/a/scale`);
    const put = await api.probe.update(`${DEPLOYMENTS}/a/scale`, { ...scale, spec: { replicas: 5 } });
    const patched = await api.probe.merge(`${DEPLOYMENTS}/a/scale`, { spec: { replicas: 0 } });
    const stale = await api.probe.update(`${DEPLOYMENTS}/a/scale`, { ...scale, spec: { replicas: 9 } }).catch(failure);
    const negative = await api.probe.merge(`${DEPLOYMENTS}/a/scale`, { spec: { replicas: -1 } }).catch(failure);

    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { selector: 'app=a' },
    });
    expect(put['spec']).toEqual({ replicas: 5 });
    expect(patched.metadata?.resourceVersion).not.toBe(put.metadata?.resourceVersion);
    expect((await api.probe.get(`${DEPLOYMENTS}/a`))['spec'].replicas).toBe(0);
    expect(stale).toMatchObject({ code: 409 });
    expect(negative).toMatchObject({ code: 422 });
  });

  it('refuses what is no Scale', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    const patched = await api.probe.merge(`${DEPLOYMENTS}/a/scale`, { spec: { replicas: 'x' } }).catch(failure);
    const put = await api.probe.update(`${DEPLOYMENTS}/a/scale`, { spec: { replicas: 'x' } }).catch(failure);
    const other = await api.probe.update(`${DEPLOYMENTS}/a/scale`, deployment('a')).catch(failure);

    const why = 'json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32';
    expect(patched).toMatchObject({
      code: 422,
      details: { causes: [{ field: 'patch', message: expect.stringContaining(why) }] },
    });
    expect(put).toMatchObject({ code: 400, message: `Scale in version "v1" cannot be handled as a Scale: ${why}` });
    expect(other).toMatchObject({
      code: 400,
      message:
        'Deployment in version "v1" cannot be handled as a Scale: converting (v1.Deployment) to (v1.Scale): unknown conversion',
    });
  });
});

describe('binding', () => {
  it('is the only way to a node, once', async () => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a'));
    const target = { kind: 'Node', name: 'n1' };

    await api.probe.create(`${PODS}/a/binding`, { target, metadata: { annotations: { 'example.com/x': 'y' } } });
    const bound = await api.probe.get(`${PODS}/a`);
    const again = await api.probe.create(`${PODS}/a/binding`, { target: { kind: 'Node', name: 'n2' } }).catch(failure);
    const updated = await api.probe.merge(`${PODS}/a`, { spec: { nodeName: 'n3' } }).catch(failure);

    expect(bound).toMatchObject({ spec: { nodeName: 'n1' }, metadata: { annotations: { 'example.com/x': 'y' } } });
    expect(bound['status'].conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    expect(again).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods "a": pod a is already assigned to node "n1"',
    });
    expect(updated).toMatchObject({ code: 422 });
  });
});

describe('binding to what is no node', () => {
  it.each([
    [{ kind: 'Pod', name: 'x' }, 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'],
    [{ kind: 'Node' }, 'target.name: Required value'],
  ])('refuses %j', async (target, why) => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a'));

    const refused = await api.probe.create(`${PODS}/a/binding`, { target }).catch(failure);

    expect(refused).toMatchObject({ code: 422, message: `Binding "a" is invalid: ${why}` });
  });
});

describe('ephemeral containers', () => {
  it('can be added and not taken away', async () => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a'));
    const ephemeralContainers = [{ name: 'debug', image: 'busybox:1' }];

    const added = await api.probe.merge(`${PODS}/a/ephemeralcontainers`, { spec: { ephemeralContainers } });
    const removed = await api.probe.merge(`${PODS}/a/ephemeralcontainers`, { spec: { ephemeralContainers: [] } }).catch(failure);

    expect(added['spec'].ephemeralContainers).toMatchObject(ephemeralContainers);
    expect(removed).toMatchObject({ code: 422 });
  });
});

it('gives pods their account, token, tolerations and priority', async () => {
  await using api = await setUp();

  const { spec } = await api.probe.create(PODS, pod('a'));

  expect(spec.serviceAccountName).toBe('default');
  expect(spec.priority).toBe(0);
  expect(spec.tolerations).toMatchObject([
    { key: 'node.kubernetes.io/not-ready' },
    { key: 'node.kubernetes.io/unreachable', tolerationSeconds: 300 },
  ]);
  expect(spec.volumes[0].name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(spec.containers[0].volumeMounts).toEqual([
    { name: spec.volumes[0].name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ]);
});
