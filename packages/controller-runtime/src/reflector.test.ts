import { ConfigMap } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { CachedInformer } from './cached-informer.ts';
import { HandDrivenApi } from './testing/hand-driven-api.ts';

const GONE = new KeelsonError('Expired', 'too old resource version');
const AWAY = new KeelsonError('ServiceUnavailable', 'away');
const HOUR_MS = 3_600_000;

describe('Reflector', () => {
  let api: HandDrivenApi;
  let clock: ManualClock;
  let informer: CachedInformer<ConfigMap>;
  let log: string[];

  beforeEach(() => {
    api = new HandDrivenApi();
    clock = new ManualClock();
    informer = new CachedInformer(
      ConfigMap,
      { client: createClient(api), clock, logger: silentLogger, random: () => 0 },
      { maxAgeMs: HOUR_MS },
    );
    log = [];
    informer.deltas$.subscribe((deltas) => log.push(...deltas.map(({ type, object }) => `${type} ${object.metadata?.name}`)));
  });

  afterEach(() => informer.stop());

  /** Long enough to find out that the server does not say where the initial events end. */
  const start = async (): Promise<void> => {
    void informer.start(new AbortController().signal).catch(() => undefined);
    await clock.advance(30_000);
  };
  const names = (): string[] => informer.list().map(({ metadata }) => metadata?.name ?? '');
  const LISTS = ['GET limit=500 continue=', 'GET limit=500 continue=2', 'WATCH 4'];

  it.each([
    { title: 'asks for all by one watch', server: 'sent' as const, calls: ['WATCH all'] },
    { title: 'lists if the server refuses that', server: 'refused' as const, calls: ['WATCH all', ...LISTS] },
    { title: 'lists if the server has never heard of it', server: 'unknown' as const, calls: ['WATCH all', ...LISTS] },
  ])('$title', async ({ server, calls }) => {
    api.initialEvents = server;
    for (const name of ['a', 'b', 'c']) api.put(name);
    await start();
    api.put('d');

    expect(api.calls).toEqual(calls);
    expect(names()).toEqual(['a', 'b', 'c', 'd']);
    expect(informer.resourceVersion).toBe('5');
  });

  it.each(['refused', 'unknown'] as const)('stays with lists if initial events are %s', async (server) => {
    api.initialEvents = server;
    for (const name of ['a', 'b', 'c']) api.put(name);
    await start();
    api.calls.length = 0;
    api.endWatches(GONE);
    await clock.advance(60_000);

    expect(api.calls).toEqual(LISTS);
  });

  it('warns of a kind that stays away, and of anything else at once', async () => {
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (_text: string, fields: object = {}) => void warned.push(JSON.stringify(fields)) };
    const [missing, away] = [new HandDrivenApi(), new HandDrivenApi()];
    missing.failures.push(...Array.from({ length: 3 }, () => new KeelsonError('NotFound', 'gone')));
    away.failures.push(AWAY);

    for (const server of [missing, away]) {
      const other = new CachedInformer(ConfigMap, { client: createClient(server), clock, logger, random: () => 0 });
      onTestFinished(() => other.stop());
      void other.start(new AbortController().signal).catch(() => undefined);
      await clock.advance(60_000);
    }

    expect(warned.map((fields) => JSON.parse(fields))).toEqual([
      { resource: 'configmaps', attempt: 3, error: 'gone' },
      { resource: 'configmaps', attempt: 1, error: 'away' },
    ]);
  });

  it('lists at one go when the server forgets the pages', async () => {
    api.initialEvents = 'refused';
    for (const name of ['a', 'b', 'c']) api.put(name);
    api.failuresOf.continue.push(GONE);
    await start();

    expect(names()).toEqual(['a', 'b', 'c']);
    expect(api.calls.slice(1)).toEqual([
      'GET limit=500 continue=',
      'GET limit=500 continue=2',
      'GET limit=undefined continue=',
      'WATCH 4',
    ]);
  });

  it('lists after a watch has failed, and asks for a watch of all again the next time', async () => {
    api.failures.push(AWAY);
    await start();
    api.endWatches(GONE);
    await clock.advance(60_000);

    expect(api.calls).toEqual(['WATCH all', 'GET limit=500 continue=', 'WATCH 1', 'WATCH all']);
  });

  it.each([
    { how: 'ends', error: undefined },
    { how: 'breaks off', error: AWAY },
  ])('does not take for all what a watch told that $how before it was done', async ({ error }) => {
    api.initialEvents = 'unknown';
    for (const name of ['a', 'b', 'c']) api.put(name);
    void informer.start(new AbortController().signal).catch(() => undefined);
    await clock.advance(0);
    api.endWatches(error);
    await clock.advance(0);

    expect([informer.synced, informer.size, log]).toEqual([false, 0, []]);
    await clock.advance(1_000);
    expect([informer.synced, informer.size]).toEqual([true, 3]);
  });

  it('waits for all for as long as there comes more', async () => {
    api.initialEvents = 'unknown';
    void informer.start(new AbortController().signal).catch(() => undefined);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await clock.advance(10_000);
      api.put(name);
    }
    api.delete('b');
    expect(informer.synced).toBe(false);
    const metadata = { resourceVersion: '8', annotations: { 'k8s.io/initial-events-end': 'true' } };
    api.repeat({ type: 'BOOKMARK', object: { metadata } });

    expect(api.calls).toEqual(['WATCH all']);
    expect(names()).toEqual(['a', 'c', 'd', 'e', 'f']);
    expect(informer.resourceVersion).toBe('8');
  });

  it('applies what comes in one piece with the end of the initial events', async () => {
    api.initialEvents = 'unknown';
    void informer.start(new AbortController().signal).catch(() => undefined);
    await clock.advance(0);
    const metadata = { resourceVersion: '5', annotations: { 'k8s.io/initial-events-end': 'true' } };
    api.tell([
      { type: 'ADDED', object: { metadata: { name: 'a', namespace: 'default', uid: '1', resourceVersion: '4' } } },
      { type: 'BOOKMARK', object: { metadata } },
      { type: 'DELETED', object: { metadata: { name: 'a', namespace: 'default', uid: '1', resourceVersion: '6' } } },
    ]);

    expect(log).toEqual(['added a', 'deleted a']);
    expect(informer.resourceVersion).toBe('6');
  });

  it.each(['sent', 'refused'] as const)('finds out within its age what it was never told (initial events %s)', async (server) => {
    api.initialEvents = server;
    for (const name of ['stays', 'goes', 'changes']) api.put(name);
    await start();
    log.length = 0;
    const deaf = true;
    api.delete('goes', deaf);
    api.put('changes', {}, deaf);
    api.put('comes', {}, deaf);
    await clock.advance(HOUR_MS / 2);
    expect(log).toEqual([]);
    await clock.advance(HOUR_MS);

    expect(log.toSorted()).toEqual(['added comes', 'deleted goes', 'updated changes']);
  });
});
