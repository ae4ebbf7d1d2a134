import { ConfigMap } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
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

  it('lists all pages, then follows', async () => {
    for (const name of ['a', 'b', 'c']) api.put(name);
    await start();
    api.put('d');
    api.put('a');
    api.delete('b');

    expect(log).toEqual(['added a initial', 'added b initial', 'added c initial', 'added d', 'updated a', 'deleted b']);
    expect(names()).toEqual(['a', 'c', 'd']);
    expect(api.calls).toEqual(['GET limit=500 continue=', 'GET limit=500 continue=2', 'WATCH 4']);
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
});
