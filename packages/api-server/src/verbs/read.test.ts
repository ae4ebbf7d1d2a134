import { ManualClock } from '@keelson/base/testing';
import { MemoryStore } from '@keelson/store';
import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose, configMap, MAPS, pod, PODS, turn } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

async function setUp(options: Parameters<typeof startTestApiServer>[0] = {}) {
  const api = await startTestApiServer(options);
  return Object.assign(api, { probe: new ApiProbe(api.transport) });
}

describe('list', () => {
  it('carries the revision of its snapshot, which no item exceeds', async () => {
    await using api = await setUp();
    for (const name of ['b', 'a', 'c']) await api.probe.create(MAPS, configMap(name));

    const list = await api.probe.get(MAPS);

    expect(list['items'].map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['a', 'b', 'c']);
    expect(Number(list.metadata?.resourceVersion)).toBe(await api.store.revision());
    for (const item of list['items'])
      expect(Number(item.metadata.resourceVersion)).toBeLessThanOrEqual(Number(list.metadata?.resourceVersion));
  });

  it('stays at the revision of its first page', async () => {
    await using api = await setUp();
    for (const name of ['a', 'b', 'c', 'd']) await api.probe.create(MAPS, configMap(name));

    const first: Loose = await api.probe.get(MAPS, { limit: 2 });
    await api.probe.create(MAPS, configMap('bb'));
    await api.probe.remove(`${MAPS}/d`);
    const second: Loose = await api.probe.get(MAPS, { limit: 2, continue: first.metadata.continue });

    expect(first.metadata.remainingItemCount).toBe(2);
    expect(second.items.map((item: Loose) => item.metadata.name)).toEqual(['c', 'd']);
    expect(second.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
  });

  it('does not count what is left when it selects', async () => {
    await using api = await setUp();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await api.probe.create(MAPS, configMap(name, {}, { labels: { odd: String('ace'.includes(name)) } }));
    }

    const first: Loose = await api.probe.get(MAPS, { limit: 2, labelSelector: 'odd=true' });
    const second: Loose = await api.probe.get(MAPS, { limit: 2, labelSelector: 'odd=true', continue: first.metadata.continue });

    expect(first.items.map((item: Loose) => item.metadata.name)).toEqual(['a', 'c']);
    expect(first.metadata.remainingItemCount).toBeUndefined();
    expect(second.items.map((item: Loose) => item.metadata.name)).toEqual(['e']);
    expect(second.metadata.continue).toBeUndefined();
  });

  it('answers an expired continue with one that goes on inconsistently', async () => {
    await using api = await setUp({ http: true });
    for (const name of ['a', 'b', 'c']) await api.probe.create(MAPS, configMap(name));
    const first: Loose = await api.probe.get(MAPS, { limit: 1 });
    await api.probe.create(MAPS, configMap('d'));
    await api.store.compact(await api.store.revision());

    const response = await fetch(`${api.url}${MAPS}?limit=2&continue=${first.metadata.continue}`);
    const status: Loose = await response.json();
    const rest: Loose = await api.probe.get(MAPS, { continue: status.metadata.continue });

    expect(response.status).toBe(410);
    expect(status).toMatchObject({ reason: 'Expired', code: 410 });
    expect(rest.items.map((item: Loose) => item.metadata.name)).toEqual(['b', 'c', 'd']);
  });

  it.each([
    [{ resourceVersionMatch: 'Exact' }, 422, /resourceVersionMatch is forbidden unless resourceVersion is provided/],
    [
      { resourceVersionMatch: 'Exact', resourceVersion: '0' },
      422,
      /resourceVersionMatch "exact" is forbidden for resourceVersion "0"/,
    ],
    [
      { resourceVersionMatch: 'Nearly', resourceVersion: '1' },
      422,
      /Unsupported value: "Nearly": supported values: "Exact", "NotOlderThan", ""/,
    ],
    [{ resourceVersionMatch: 'Exact', continue: 'x' }, 422, /is forbidden when continue is provided/],
    [{ sendInitialEvents: 'true' }, 422, /sendInitialEvents is forbidden for list/],
    [{ resourceVersion: 'x' }, 400, /strconv.ParseUint: parsing "x": invalid syntax/],
    [{ limit: 'x' }, 400, /strconv.ParseInt: parsing "x": invalid syntax/],
    [{ continue: 'x' }, 400, /^invalid continue token: continue key is not valid/],
    [{ labelSelector: 'a in b' }, 400, /unable to parse requirement/],
    [{ fieldSelector: 'spec.x=1' }, 400, /^"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"$/],
  ])('refuses %j with %d', async (query, code, message) => {
    await using api = await setUp();

    const error: Loose = await api.probe.get(MAPS, query).catch((caught: unknown) => caught);

    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it.each([
    [{ resourceVersionMatch: 'NotOlderThan' }, /is forbidden for watch unless sendInitialEvents is provided/],
    [{ sendInitialEvents: 'true' }, /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/],
    [
      { sendInitialEvents: 'true', resourceVersionMatch: 'Exact' },
      /Unsupported value: "Exact": supported values: "NotOlderThan"/,
    ],
  ])('refuses to watch with %j', async (query, message) => {
    await using api = await setUp();

    using log = await api.probe.watch(MAPS, query);

    expect(log.error).toMatchObject({ code: 422, reason: 'Invalid', details: { group: 'meta.k8s.io', kind: 'ListOptions' } });
    expect(String(log.error)).toMatch(message);
  });

  it('ignores a limit if any state will do, as caches have no pages', async () => {
    await using api = await setUp();
    for (const name of ['a', 'b', 'c']) await api.probe.create(MAPS, configMap(name));

    const any: Loose = await api.probe.get(MAPS, { limit: 1, resourceVersion: '0' });
    const none: Loose = await api.probe.get(MAPS, { limit: 0 });

    expect([any.items.length, any.metadata.continue, none.items.length]).toEqual([3, undefined, 3]);
  });

  it('reads an exact revision, and waits three seconds for one that is not there yet', async () => {
    const clock = new ManualClock();
    await using api = await setUp({ clock });
    const created = await api.probe.create(MAPS, configMap('a', { data: { x: '1' } }));
    await api.probe.update(`${MAPS}/a`, configMap('a', { data: { x: '2' } }));

    const exact: Loose = await api.probe.get(MAPS, {
      resourceVersion: created.metadata?.resourceVersion,
      resourceVersionMatch: 'Exact',
    });
    const future = api.probe.get(MAPS, { resourceVersion: '999999' }).catch((caught: unknown) => caught);
    await clock.advance(3_000);

    expect(exact.items[0].data).toEqual({ x: '1' });
    expect(await future).toMatchObject({
      code: 504,
      reason: 'Timeout',
      details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge' }] },
    });
  });

  it('selects by label and by field', async () => {
    await using api = await setUp();
    await api.probe.create(PODS, pod('a', { nodeName: 'n1' }, { labels: { app: 'x' } }));
    await api.probe.create(PODS, pod('b', { nodeName: 'n2' }, { labels: { app: 'y' } }));
    await api.probe.create(PODS, pod('c'));
    const names = async (query: Record<string, string>) =>
      (await api.probe.get('/api/v1/pods', query))['items'].map((item: Loose) => item.metadata.name);

    expect(await names({ labelSelector: 'app notin (x)' })).toEqual(['b', 'c']);
    expect(await names({ fieldSelector: 'spec.nodeName=n1' })).toEqual(['a']);
    expect(await names({ fieldSelector: 'spec.nodeName!=n1,status.phase=Pending' })).toEqual(['b', 'c']);
    expect(await names({ fieldSelector: 'metadata.name=c,metadata.namespace=default' })).toEqual(['c']);
    await expect(names({ fieldSelector: 'spec.x=1' })).rejects.toThrow('field label not supported: spec.x');
  });
});

describe('watch', () => {
  it('tells what is there, then what changes, in order', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));
    using log = await api.probe.watch(MAPS);

    await api.probe.create(MAPS, configMap('b'));
    await api.probe.merge(`${MAPS}/a`, { data: { x: '1' } });
    await api.probe.remove(`${MAPS}/b`);

    expect(log.lines).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED b']);
    const revisions = log.events.map(({ object }) => Number(object.metadata?.resourceVersion));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(revisions.at(-1)).toBe(await api.store.revision());
  });

  it('tells only what came after a revision', async () => {
    await using api = await setUp();
    const a = await api.probe.create(MAPS, configMap('a'));
    await api.probe.create(MAPS, configMap('b'));

    using log = await api.probe.watch(MAPS, { resourceVersion: a.metadata?.resourceVersion });

    expect(log.lines).toEqual(['ADDED b']);
  });

  it('ends with Expired when the revision is too old', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a'));

    using log = await api.probe.watch(MAPS, { resourceVersion: '1' });

    expect(log.error).toMatchObject({ code: 410, reason: 'Expired' });
  });

  it('translates what enters and leaves a selector', async () => {
    await using api = await setUp();
    await api.probe.create(MAPS, configMap('a', { data: { x: '1' } }, { labels: { on: 'no' } }));
    using log = await api.probe.watch(MAPS, { labelSelector: 'on=yes' });

    await api.probe.merge(`${MAPS}/a`, { metadata: { labels: { on: 'yes' } } });
    await api.probe.merge(`${MAPS}/a`, { data: { x: '2' } });
    const left = await api.probe.merge(`${MAPS}/a`, { data: { x: '3' }, metadata: { labels: { on: 'no' } } });
    await api.probe.remove(`${MAPS}/a`);

    expect(log.lines).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(log.events[2]?.object).toMatchObject({
      data: { x: '2' },
      metadata: { resourceVersion: left.metadata?.resourceVersion },
    });
  });

  it('finds watchers of one node, one namespace and one name', async () => {
    await using api = await setUp();
    using node = await api.probe.watch('/api/v1/pods', { fieldSelector: 'spec.nodeName=n1' });
    using other = await api.probe.watch('/api/v1/pods', { fieldSelector: 'spec.nodeName=n2' });
    using name = await api.probe.watch(PODS, { fieldSelector: 'metadata.name=a' });
    using elsewhere = await api.probe.watch('/api/v1/namespaces/kube-system/pods');

    await api.probe.create(PODS, pod('a'));
    await api.probe.create(`${PODS}/a/binding`, { target: { kind: 'Node', name: 'n1' } });
    await api.probe.remove(`${PODS}/a`, { gracePeriodSeconds: 0 });

    expect(node.lines).toEqual(['ADDED a', 'DELETED a']);
    expect(other.lines).toEqual([]);
    expect(name.lines).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(elsewhere.lines).toEqual([]);
  });

  it('marks the end of the initial events, and how far it is', async () => {
    const clock = new ManualClock();
    await using api = await setUp({ clock });
    await api.probe.create(MAPS, configMap('a'));
    const query = {
      sendInitialEvents: true,
      allowWatchBookmarks: true,
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: 100,
    };
    using log = await api.probe.watch(MAPS, query);
    expect(log.lines).toEqual(['ADDED a', 'BOOKMARK']);
    expect(log.events[1]?.object).toEqual({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(await api.store.revision()), annotations: { 'k8s.io/initial-events-end': 'true' } },
    });

    await api.probe.create('/api/v1/namespaces', { metadata: { name: 'other' } });
    await clock.advance(60_000);
    expect(log.events[2]).toEqual({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: String(await api.store.revision()) } },
    });

    await clock.advance(40_000);
    expect(log.isComplete).toBe(true);
  });

  it('sees both versions of one kind', async () => {
    await using api = await setUp();
    using log = await api.probe.watch('/apis/events.k8s.io/v1/events');
    const path = '/api/v1/namespaces/default/events';

    const event = {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      message: 'hello',
      reason: 'R',
      type: 'Normal',
    };
    const created = await api.probe.create(path, event);
    const other = await api.probe.get('/apis/events.k8s.io/v1/namespaces/default/events/e');

    expect(other).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'hello',
      regarding: { name: 'p' },
      metadata: created.metadata,
    });
    expect(log.events).toMatchObject([{ type: 'ADDED', object: { apiVersion: 'events.k8s.io/v1', note: 'hello' } }]);
  });

  it('goes on after the store has lost the watch', async () => {
    const store = new MemoryStore();
    await using api = await setUp({ store });
    using log = await api.probe.watch(MAPS);
    await api.server.stop();
    await turn();

    expect(log.isComplete).toBe(true);
  });
});
