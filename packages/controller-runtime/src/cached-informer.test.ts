import { ConfigMap } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CachedInformer } from './cached-informer.ts';
import { InformerFactory } from './informer-factory.ts';
import { HandDrivenApi } from './testing/hand-driven-api.ts';

const GONE = new KeelsonError('Expired', 'too old resource version');

describe('CachedInformer', () => {
  let api: HandDrivenApi;
  let clock: ManualClock;
  let informer: CachedInformer<ConfigMap>;
  let log: string[];

  beforeEach(() => {
    api = new HandDrivenApi();
    clock = new ManualClock();
    informer = new CachedInformer(ConfigMap, { client: createClient(api), clock, logger: silentLogger, random: () => 0 });
    log = [];
    informer.deltas$.subscribe((deltas) => {
      for (const delta of deltas)
        log.push(`${delta.type} ${delta.object.metadata?.name}${delta.type === 'added' && delta.initial ? ' initial' : ''}`);
    });
  });

  afterEach(() => informer.stop());

  const start = async (): Promise<void> => {
    await informer.start(new AbortController().signal);
    await clock.advance(0);
  };
  const names = (): string[] =>
    informer
      .list()
      .map(({ metadata }) => metadata?.name ?? '')
      .sort();

  it('has all there is, then follows', async () => {
    for (const name of ['a', 'b', 'c']) api.put(name);
    await start();
    api.put('d');
    api.put('a');
    api.delete('b');

    expect(log).toEqual(['added a initial', 'added b initial', 'added c initial', 'added d', 'updated a', 'deleted b']);
    expect(names()).toEqual(['a', 'c', 'd']);
  });

  it('goes on where it was when a watch ends in the ordinary way', async () => {
    await start();
    api.put('a');
    api.endWatches();
    await clock.advance(0);
    api.put('b');

    expect(names()).toEqual(['a', 'b']);
    expect(api.calls.at(-1)).toBe('WATCH 2');
  });

  it('lists again after 410, and tells exactly what it has missed', async () => {
    for (const name of ['stays', 'goes', 'changes', 'replaced']) api.put(name);
    await start();
    log.length = 0;
    api.delete('goes', true);
    api.put('changes', {}, true);
    api.put('replaced', { uid: 'another' }, true);
    api.put('comes', {}, true);
    api.endWatches(GONE);
    await clock.advance(60_000);

    expect(log.sort()).toEqual(['added comes', 'added replaced', 'deleted goes', 'deleted replaced', 'updated changes']);
  });

  it('keeps trying, with growing pauses, and says so', async () => {
    const phases: string[] = [];
    informer.state$.subscribe((state) => phases.push(state.phase === 'retrying' ? `retrying ${state.attempt}` : state.phase));
    api.put('a');
    api.failures.push(...Array.from({ length: 4 }, () => new KeelsonError('ServiceUnavailable', 'away')));
    const started = informer.start(new AbortController().signal);
    await clock.advance(0.8 * 1000 * (1 + 2 + 4 + 8) + 10);
    await started;

    expect(phases.filter((phase) => phase.startsWith('retrying'))).toEqual([
      'retrying 1',
      'retrying 2',
      'retrying 3',
      'retrying 4',
    ]);
    expect(names()).toEqual(['a']);
  });

  it('takes a watch that says nothing for too long as dead', async () => {
    await start();
    api.put('a', {}, true); // The server has it, the watch does not say so.
    await clock.advance(331_000);
    await clock.advance(1_000);

    expect(api.calls.filter((call) => call.startsWith('WATCH'))).toHaveLength(2);
    expect(api.watchers).toBe(1);
  });

  it('does not tell the same state twice', async () => {
    await start();
    api.put('a');
    const object = api.objects.get('default/a');
    if (object) api.repeat({ type: 'MODIFIED', object });

    expect(log).toEqual(['added a']);
  });

  it('gives late subscribers what is there', async () => {
    api.put('a');
    await start();
    const late: string[] = [];
    informer.deltas$.subscribe((deltas) => late.push(...deltas.map(({ type, object }) => `${type} ${object.metadata?.name}`)));
    api.put('b');

    expect(late).toEqual(['added a', 'added b']);
  });

  it('keeps indexes true, also those that come later', async () => {
    api.put('a', { labels: { app: 'x' } });
    await start();
    informer.addIndexer('app', ({ metadata }) => [metadata?.labels?.['app'] ?? '']);
    api.put('b', { labels: { app: 'x' } });
    api.put('a', { labels: { app: 'y' } });

    expect(informer.byIndex('app', 'x').map(({ metadata }) => metadata?.name)).toEqual(['b']);
    expect(informer.byIndex('app', 'y').map(({ metadata }) => metadata?.name)).toEqual(['a']);
    expect(informer.get('b', 'default')?.metadata?.name).toBe('b');
    expect(informer.list('default')).toHaveLength(2);
    expect(informer.list('other')).toHaveLength(0);
  });

  it('leaves nothing behind when it stops', async () => {
    await start();
    let completed = false;
    informer.deltas$.subscribe({ complete: () => (completed = true) });
    await informer.stop();

    expect([completed, clock.pending, api.watchers]).toEqual([true, 0, 0]);
  });

  it('is shared by all who ask a factory for the same objects', async () => {
    const factory = new InformerFactory({ client: createClient(api), clock, logger: silentLogger });
    const one = factory.for(ConfigMap, { indexers: { all: () => ['x'] } });
    await factory.start(new AbortController().signal);
    const late = factory.for(ConfigMap, { namespace: 'default' });
    await late.whenSynced();
    api.put('a');

    expect(factory.for(ConfigMap)).toBe(one);
    expect(late).not.toBe(one);
    expect(one.byIndex('all', 'x')).toHaveLength(1);
    await factory.stop();
  });

  it('pauses when the server ends each watch at once', async () => {
    await start();
    for (let round = 0; round < 50; round += 1) {
      api.endWatches();
      await clock.advance(100);
    }

    expect(api.calls.filter((call) => call.startsWith('WATCH')).length).toBeLessThan(6);
  });

  it('is not set back by events that were overtaken', async () => {
    await start();
    api.put('a');
    const first = api.objects.get('default/a') ?? {};
    api.put('a', { labels: { state: 'new' } });
    api.repeat({ type: 'MODIFIED', object: first });
    api.repeat({ type: 'DELETED', object: { ...first, metadata: { ...first.metadata, uid: 'an earlier one' } } });

    expect(informer.get('a', 'default')?.metadata?.labels).toEqual({ state: 'new' });
    expect(informer.resourceVersion).toBe('3');
    expect(log).toEqual(['added a', 'updated a']);
  });

  it('lists again when the server was set back to an older state', async () => {
    for (const _ of [1, 2, 3]) api.put('a');
    await start();
    api.setBack(2);
    api.put('a', { labels: { state: 'restored' } }, true);
    api.endWatches(GONE);
    await clock.advance(60_000);

    expect(informer.get('a', 'default')?.metadata?.labels).toEqual({ state: 'restored' });
  });

  it('keeps what a transform makes of objects', async () => {
    const lean = new CachedInformer(
      ConfigMap,
      { client: createClient(api), clock, logger: silentLogger },
      { transform: (object) => ({ ...object, metadata: { ...object.metadata, managedFields: undefined } }) },
    );
    api.put('a', { managedFields: [{ manager: 'x' }] });
    await lean.start(new AbortController().signal);

    expect(lean.get('a', 'default')?.metadata?.managedFields).toBeUndefined();
    await lean.stop();
  });

  it('survives an index function that throws, and tells all else', async () => {
    let isBroken = true;
    await start();
    informer.addIndexer('fragile', ({ metadata }) => {
      if (isBroken && metadata?.name === 'bad') throw new Error('cannot index');
      return ['x'];
    });
    api.put('good');
    api.put('bad');
    await clock.advance(2_000);
    isBroken = false;
    await clock.advance(60_000);

    expect(log).toEqual(['added good', 'added bad']);
    expect(informer.byIndex('fragile', 'x')).toHaveLength(2);
  });

  it('agrees with the server after any history of changes, cuts and losses', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), wait: fc.constant(false) }),
      fc.record({ do: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), wait: fc.constant(false) }),
      fc.record({
        do: fc.constantFrom('cut' as const, 'gone' as const, 'end' as const),
        name: fc.constant(''),
        wait: fc.boolean(),
      }),
    );
    const way = fc.constantFrom('sent' as const, 'refused' as const, 'unknown' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), way, async (steps, initialEvents) => {
        const [server, time] = [new HandDrivenApi(), new ManualClock()];
        server.initialEvents = initialEvents;
        const own = new CachedInformer(ConfigMap, { client: createClient(server), clock: time, logger: silentLogger });
        const told = new Map<string, string | undefined>();
        own.deltas$.subscribe((deltas) => {
          for (const { type, object } of deltas) {
            expect(told.has(object.metadata?.name ?? '')).toBe(type !== 'added');
            if (type === 'deleted') told.delete(object.metadata?.name ?? '');
            else told.set(object.metadata?.name ?? '', object.metadata?.resourceVersion);
          }
        });
        const started = own.start(new AbortController().signal);
        await time.advance(30_000); // until a server is known not to say where the initial events end
        await started;
        for (const { do: what, name, wait } of steps) {
          if (what === 'put') server.put(name);
          else if (what === 'delete') server.delete(name);
          else server.endWatches({ cut: new KeelsonError('ServiceUnavailable', 'cut'), gone: GONE, end: undefined }[what]);
          if (wait) await time.advance(1_000);
        }
        await time.advance(120_000);
        await own.stop();

        const truth = new Map([...server.objects.values()].map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]));
        expect(told).toEqual(truth);
        expect(new Map(own.list().map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]))).toEqual(truth);
      }),
      { numRuns: 40 },
    );
  });
});
