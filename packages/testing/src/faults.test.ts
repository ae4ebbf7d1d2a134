import { ConfigMap } from '@keelson/api/core/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { createClient, httpsTransport, parseKubeconfig, type WatchEvent } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from './cluster.ts';

const at = (name: string) => ({ name, namespace: 'default' });

describe('faults of a test cluster', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await startCluster({ nodes: 0, controllers: false, scheduler: false, http: true });
  });
  afterEach(() => cluster.close());

  const maps = () => cluster.client.resource(ConfigMap);

  it('let requests fail that match, so often and no more', async () => {
    const fault = cluster.faults.fail(
      { verb: ['create', 'update'], resource: 'configmaps', name: 'a' },
      { reason: 'Conflict', times: 2 },
    );
    const created = await maps().create({ metadata: at('a') });

    const results = [];
    for (let tries = 0; tries < 3; tries += 1) {
      results.push(
        await maps()
          .update({ ...created, data: { tries: `${tries}` } })
          .then(
            () => 'written',
            (error: { reason: string }) => error.reason,
          ),
      );
    }

    expect(results).toEqual(['Conflict', 'Conflict', 'written']);
    expect(fault.hits).toBe(2);
  });

  it('reach clients over HTTPS too, with Retry-After', async () => {
    const transport = httpsTransport(parseKubeconfig(cluster.kubeconfig()));
    using fault = cluster.faults.fail(
      { verb: 'get', resource: 'configmaps' },
      { reason: 'TooManyRequests', retryAfterSeconds: 1, times: 1 },
    );

    const found = createClient(transport).resource(ConfigMap).find(at('none'));

    expect(await found).toBeUndefined();
    expect(fault.hits).toBe(1);
    await transport.close();
  });

  it('lose the answer of a write that has taken effect', async () => {
    cluster.faults.fail({ verb: 'create' }, { reason: 'Timeout', afterwards: true, times: 1 });

    await expect(maps().create({ metadata: at('a') })).rejects.toMatchObject({ reason: 'Timeout' });

    expect((await maps().get(at('a'))).metadata?.name).toBe('a');
  });

  it('delay requests by the clock of the cluster', async () => {
    const clock = new ManualClock();
    await using slow = await startCluster({ nodes: 0, controllers: false, scheduler: false, clock });
    slow.faults.delay({ verb: 'get', resource: 'configmaps' }, 5_000);
    let isAnswered = false;
    const answer = slow.client
      .resource(ConfigMap)
      .find(at('a'))
      .then(() => (isAnswered = true));

    await clock.advance(4_999);
    const early = isAnswered;
    await clock.advance(1);
    await answer;

    expect(early).toBe(false);
  });

  it('drop watches, from which an informer recovers without missing anything', async () => {
    const informer = cluster.informers.for(ConfigMap, { namespace: 'default' });
    await informer.whenSynced();
    await maps().create({ metadata: at('a') });
    await eventually(() => informer.get('a', 'default'));

    const dropped = cluster.faults.dropWatches({ resource: 'configmaps' });
    await maps().create({ metadata: at('b') });
    await eventually(() => informer.get('b', 'default'));
    const expired = cluster.faults.expireWatches({ resource: 'configmaps' });
    await maps().create({ metadata: at('c') });

    await eventually(() => informer.get('c', 'default'));
    expect([dropped, expired]).toEqual([1, 1]);
  });

  it('tell a watcher that it is too late', async () => {
    const events: WatchEvent<ConfigMap>[] = [];
    const failed = new Promise((resolve) =>
      maps()
        .watch({ namespace: 'default' })
        .subscribe({ next: (some) => events.push(...some), error: resolve }),
    );
    await eventually(() => cluster.faults.expireWatches({ resource: 'configmaps', namespace: 'default' }) > 0);

    expect(await failed).toMatchObject({ reason: 'Expired' });
  });

  it('take the server away and bring it back', async () => {
    const informer = cluster.informers.for(ConfigMap, { namespace: 'default' });
    await informer.whenSynced();
    {
      using _outage = cluster.faults.outage();
      await expect(maps().list()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    }

    await maps().create({ metadata: at('a') });

    await eventually(() => informer.get('a', 'default'));
  });
});

describe('restart of a test cluster', () => {
  it('ends connections and watches, and loses nothing', async () => {
    await using cluster = await startCluster({ nodes: 0, controllers: false, scheduler: false, http: true });
    const transport = httpsTransport(parseKubeconfig(cluster.kubeconfig()));
    const outside = createClient(transport).resource(ConfigMap);
    const informer = cluster.informers.for(ConfigMap, { namespace: 'default' });
    await informer.whenSynced();
    await outside.create({ metadata: at('a') });
    const { url } = cluster;

    await cluster.restart();
    await eventually(() => outside.create({ metadata: at('b') }));

    await eventually(() => informer.get('a', 'default') && informer.get('b', 'default'));
    expect(cluster.url).toBe(url);
    await transport.close();
  });
});
