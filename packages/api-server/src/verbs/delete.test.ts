import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { ApiProbe, configMap, DEPLOYMENTS, deployment, MAPS, pod, PODS, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

const JOBS = '/apis/batch/v1/namespaces/default/jobs';
const CONTROLLERS = '/api/v1/namespaces/default/replicationcontrollers';

async function setUp(options: Parameters<typeof startTestApiServer>[0] = {}) {
  const api = await startTestApiServer(options);
  return Object.assign(api, { probe: new ApiProbe(api.transport) });
}

const failure = (caught: unknown): Loose => caught;
const held = (name: string): Loose => configMap(name, {}, { finalizers: ['example.com/wait'] });

describe('the options of a deletion', () => {
  it('come from the query if there is no body', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    const { body } = await api.probe.call('DELETE', `${DEPLOYMENTS}/a`, { query: { propagationPolicy: 'Foreground' } });

    expect(body).toMatchObject({ metadata: { finalizers: ['foregroundDeletion'] } });
  });

  it('come from the body alone if there is one', async () => {
    await using api = await setUp();
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    const { body } = await api.probe.call('DELETE', `${DEPLOYMENTS}/a`, {
      query: { propagationPolicy: 'Foreground' },
      body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Orphan' },
    });

    expect(body).toMatchObject({ metadata: { finalizers: ['orphan'] } });
  });

  it.each([
    [{ propagationPolicy: 'Orphan', orphanDependents: true }, 422, /orphanDependents and deletionPropagation cannot be both set/],
    [{ dryRun: ['Some'] }, 422, /dryRun: Unsupported value: \["Some"\]/],
    [{ kind: 'Pod' }, 400, /cannot be converted to DeleteOptions/],
    [{ gracePeriodSeconds: 'x' }, 400, /cannot unmarshal string/],
  ])('must make sense: %j', async (options, code, message) => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    const error = await api.probe.remove(`${MAPS}/a`, options).catch(failure);

    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(await api.probe.get(`${MAPS}/a`)).toBeDefined();
  });

  it('let a dry run delete nothing, and say what it would', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));
    await api.probe.create(MAPS, held('b'));
    const before = await api.store.revision();

    const gone = await api.probe.remove(`${MAPS}/a`, { dryRun: ['All'] });
    const marked = await api.probe.remove(`${MAPS}/b`, { dryRun: ['All'] });
    await api.probe.call('DELETE', MAPS, { query: { dryRun: 'All' } });

    expect(gone).toMatchObject({ kind: 'Status', status: 'Success' });
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    expect(await api.store.revision()).toBe(before);
  });

  it('tell by 202 that dependents are to go first', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, held('a'));

    const first = await api.probe.call('DELETE', `${MAPS}/a`, { body: { orphanDependents: false } });
    const again = await api.probe.call('DELETE', `${MAPS}/a`);

    expect([first.status, again.status]).toEqual([202, 200]);
  });

  it('leave what becomes of dependents to the kind', async () => {
    await using api = await setUp();
    const template = deployment('a').spec.template;
    await api.probe.create(JOBS, {
      metadata: { name: 'a' },
      spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    });
    await api.probe.create(CONTROLLERS, { metadata: { name: 'a' }, spec: { selector: { app: 'a' }, template } });
    await api.probe.create(DEPLOYMENTS, deployment('a'));

    expect((await api.probe.remove(`${JOBS}/a`)).metadata.finalizers).toEqual(['orphan']);
    expect((await api.probe.remove(`${CONTROLLERS}/a`)).metadata.finalizers).toEqual(['orphan']);
    expect(await api.probe.remove(`${DEPLOYMENTS}/a`)).toMatchObject({ kind: 'Status', status: 'Success' });
  });
});

describe('an object that is being deleted', () => {
  it('keeps the time of its first deletion, and answers a second one with itself', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using api = await setUp({ clock });
    await api.probe.create(MAPS, held('a'));

    const first = await api.probe.remove(`${MAPS}/a`);
    await clock.advance(5_000);
    const second = await api.probe.remove(`${MAPS}/a`);

    expect(first.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 });
    expect(second).toEqual(first);
  });

  it('is told to watchers as it was last, at the revision of its end', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, held('a'));
    using log = await api.probe.watch(MAPS);

    await api.probe.remove(`${MAPS}/a`);
    await api.probe.merge(`${MAPS}/a`, { metadata: { finalizers: null }, data: { last: 'words' } });

    expect(log.lines).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    const { metadata, ...rest } = log.events[2]?.object ?? {};
    expect(metadata?.resourceVersion).toBe(String(await api.store.revision()));
    expect(metadata?.deletionTimestamp).toBeDefined();
    expect(rest).toMatchObject({ kind: 'ConfigMap' });
  });

  it('is a pod with the time that its node has, which negative numbers make a second', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using api = await setUp({ clock });
    await api.probe.create(PODS, pod('a', { nodeName: 'n' }));

    const removed = await api.probe.remove(`${PODS}/a`, { gracePeriodSeconds: -5 });

    expect(removed.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:01Z', deletionGracePeriodSeconds: 1 });
  });
});

describe('a collection', () => {
  it('goes object by object: finalizers hold, and what is not selected stays', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', {}, { labels: { on: 'yes' } }));
    await api.probe.create(MAPS, { ...held('b'), metadata: { ...held('b').metadata, labels: { on: 'yes' } } });
    await api.probe.create(MAPS, configMap('c'));

    const { body } = await api.probe.call('DELETE', MAPS, { query: { labelSelector: 'on=yes' } });
    const left: Loose = await api.probe.get(MAPS);

    expect((body as Loose).items.map((item: Loose) => item.metadata.name)).toEqual(['a', 'b']);
    expect(left.items.map((item: Loose) => [item.metadata.name, 'deletionTimestamp' in item.metadata])).toEqual([
      ['b', true],
      ['c', false],
    ]);
  });

  it('is not that of all namespaces', async () => {
    await using api = await setUp();

    await expect(api.probe.call('DELETE', '/api/v1/configmaps')).rejects.toMatchObject({ code: 405 });
  });
});
