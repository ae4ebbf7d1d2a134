import { ConfigMap, Node } from '@keelson/api/core/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InformerFactory } from './informer-factory.ts';
import type { Delta, Informer } from './informer.ts';
import { MemoryApi } from './testing/memory-api.ts';

describe('informers of several namespaces', () => {
  let api: MemoryApi;
  let client: Client;
  let clock: ManualClock;
  let factory: InformerFactory;
  let informer: Informer<ConfigMap>;
  const seen: string[] = [];

  const make = (namespace: string, name: string) => client.resource(ConfigMap).create({ metadata: { namespace, name } });
  const tell = (deltas: readonly Delta<ConfigMap>[]): void => {
    for (const { type, object } of deltas) seen.push(`${type} ${object.metadata?.namespace}/${object.metadata?.name}`);
  };

  beforeEach(async () => {
    api = new MemoryApi();
    client = createClient(api);
    clock = new ManualClock();
    seen.length = 0;
    for (const namespace of ['a', 'b', 'c']) await make(namespace, 'first');
    factory = new InformerFactory({ client, clock, logger: silentLogger }, { namespaces: ['a', 'b', 'a'] });
    informer = factory.for(ConfigMap, { indexers: { name: ({ metadata }) => [metadata?.name ?? ''] } });
    await factory.start(new AbortController().signal);
  });

  afterEach(() => factory.stop());

  it('hold what is in them, and ask for nothing beyond', async () => {
    expect(informer.synced).toBe(true);
    expect([informer.size, informer.list().length, informer.list('a').length, informer.list('c').length]).toEqual([2, 2, 1, 0]);
    expect(informer.get('first', 'b')?.metadata?.namespace).toBe('b');
    expect(informer.getByKey('a/first')?.metadata?.namespace).toBe('a');
    expect([informer.get('first', 'c'), informer.getByKey('c/first'), informer.getByKey('first')]).toEqual(
      Array(3).fill(undefined),
    );
    expect(informer.byIndex('name', 'first')).toHaveLength(2);
    expect(api.calls.filter((call) => call.startsWith('GET'))).not.toContain('GET /api/v1/configmaps');
  });

  it('tell of changes in each of them, and of what is there', async () => {
    const subscription = informer.deltas$.subscribe(tell);
    await make('b', 'second');
    await make('c', 'second');
    await clock.advance(0);
    subscription.unsubscribe();

    expect(seen.toSorted()).toEqual(['added a/first', 'added b/first', 'added b/second']);
  });

  it('are shared, and wait for whichever moves', async () => {
    const again = factory.for(ConfigMap);
    const waits = informer.until(() => again.get('second', 'b') !== undefined, new AbortController().signal);
    await make('b', 'second');
    await clock.advance(0);

    await waits;

    await expect(informer.until(() => false, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });

  it('say how the one that is worst off is doing', async () => {
    const phases: string[] = [];
    informer.state$.subscribe(({ phase }) => phases.push(phase));
    expect(phases).toEqual(['watching']);
  });

  it('leave kinds alone that are in no namespace, and those that are asked for elsewhere', async () => {
    const elsewhere = factory.for(ConfigMap, { namespace: 'c' });
    factory.for(Node);
    await elsewhere.whenSynced();
    await clock.advance(0);

    expect(elsewhere.list()).toHaveLength(1);
    expect(api.calls).toContain('GET /api/v1/nodes');
  });
});
