import { CLOCK, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { STORE, type Revision, type StoreEvent, type Write } from '@keelson/store';
import { Container } from 'inversify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdStore } from './etcd-store.ts';
import { etcdStoreModule } from './module.ts';
import type { EtcdStoreOptions } from './options.ts';
import { Gate } from './testing/gate.ts';
import { LabEtcd, noEtcd } from './testing/lab-etcd.ts';

const put = (key: string, text: string, ttlSeconds?: number): Write => ({
  type: 'put',
  key,
  value: Buffer.from(text),
  ...(ttlSeconds !== undefined && { ttlSeconds }),
});
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Revisions and texts of what a watch gives, and how it ended. */
function record(store: EtcdStore, prefix: string, after: Revision): { seen: string[]; error?: unknown } {
  const recording: { seen: string[]; error?: unknown } = { seen: [] };
  store.watch(prefix, after).subscribe({
    next: (events) => recording.seen.push(...events.map(show)),
    error: (error: unknown) => (recording.error = error),
  });
  return recording;
}

function show(event: StoreEvent): string {
  return event.type === 'put' ? `${event.entry.key}=${Buffer.from(event.entry.value).toString()}` : `-${event.key}`;
}

describe.skipIf(noEtcd)(noEtcd ?? 'EtcdStore', () => {
  let etcd: LabEtcd;
  let gate: Gate;
  const stores: EtcdStore[] = [];

  beforeAll(async () => {
    etcd = await LabEtcd.start('store', 1);
  });
  afterAll(() => etcd[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    await gate?.[Symbol.asyncDispose]();
  });

  const open = async (options: Partial<EtcdStoreOptions> = {}): Promise<EtcdStore> => {
    const store = await EtcdStore.open({ ...etcd.access, historyMs: Infinity, timeoutMs: 60_000, ...options });
    stores.push(store);
    return store;
  };
  const openGated = async (options: Partial<EtcdStoreOptions> = {}): Promise<EtcdStore> => {
    gate = await Gate.before(etcd.access.endpoints[0] ?? '');
    return open({ endpoints: [gate.endpoint], ...options });
  };

  describe('shared by several processes', () => {
    it('shows each what the others have committed, and tells its watches', async () => {
      const [one, other] = [await open(), await open()];
      const watch = record(other, '/shared/', await other.revision());

      const revision = await one.commit([put('/shared/a', '1')]);
      const seen = await other.get('/shared/a');
      await eventually(() => watch.seen.length === 1);

      expect(seen?.revision).toBe(revision);
      expect(watch.seen).toEqual(['/shared/a=1']);
    });

    it('lets a cache wait until it has what the others have committed', async () => {
      const [one, other] = [await open(), await open()];
      let reached = 0;
      const watch = record(other, '/cache/', await other.revision());
      other.progress$.subscribe((revision) => (reached = revision));

      for (let i = 0; i < 20; i++) {
        await one.commit([put('/cache/a', `${i}`)]);
        const revision = await other.revision();
        await eventually(() => reached >= revision);
        expect(watch.seen.at(-1)).toBe(`/cache/a=${i}`);
      }
    });

    it('is compacted by one of them each time, and by the other when one is gone', async () => {
      const clocks = [new ManualClock(), new ManualClock()];
      const [one, other] = await Promise.all(clocks.map((clock) => open({ clock, historyMs: 100_000 })));
      const newest = (): Revision => Math.max(compactedBy(one), compactedBy(other));
      const untilCompacted = async (): Promise<void> => {
        const before = newest();
        await eventually(async () => {
          for (let i = 0; i < 2; i++) await one?.commit([put('/old', `${i}`)]);
          for (const clock of clocks) await clock.advance(30_000);
          return newest() > before;
        });
      };

      const both: boolean[] = [];
      for (let round = 0; round < 4; round++) {
        await untilCompacted();
        both.push(compactedBy(one) === compactedBy(other));
      }
      const last = newest();
      await other?.close();
      await eventually(async () => {
        await untilCompacted();
        return compactedBy(one) > last;
      });

      expect(both).toEqual([false, false, false, false]);
    });

    it('does not compact what nobody uses again and again', async () => {
      const clock = new ManualClock();
      const store = await open({ clock, historyMs: 100_000 });
      await store.commit([put('/idle', '1')]);
      const before = await store.commit([put('/idle', '2')]);

      for (let i = 0; i < 20; i++) {
        await clock.advance(60_000);
        await store.revision();
      }

      expect((await store.revision()) - before).toBeLessThanOrEqual(1);
    });
  });

  describe('what goes through', () => {
    it('reads ranges of any size in pages, also of values that fill many answers', async () => {
      const store = await open();
      const value = Buffer.alloc(1_000_000, 'x');
      const keys = Array.from({ length: 68 }, (_, i) => `/large/${i + 10}`);
      await Promise.all(keys.map((key) => store.commit([{ type: 'put', key, value }])));

      const all = await store.range('/large/');
      const some = await store.range('/large/', { after: '/large/19', limit: 50 });
      await store.commit(keys.map((key) => ({ type: 'delete', key })));

      expect([all.entries.map(({ key }) => key), all.more, all.remaining]).toEqual([keys, false, 0]);
      expect([some.entries[0]?.key, some.entries.at(-1)?.key, some.remaining]).toEqual(['/large/20', '/large/69', 8]);
      expect(all.entries.every((entry) => value.equals(entry.value))).toBe(true);
    });

    it('refuses commits that are too large for etcd, and keeps nothing of them', async () => {
      const store = await open();
      const before = await store.revision();
      const half = 'x'.repeat(900_000);

      const tooMany = await failure(store.commit(Array.from({ length: 129 }, (_, i) => put(`/many/${i}`, ''))));
      const configuredTooMany = await failure(
        (await open({ maxTxnOps: 1000 })).commit(Array.from({ length: 129 }, (_, i) => put(`/many/${i}`, ''))),
      );
      const tooLarge = await failure(store.commit([put('/half/1', half), put('/half/2', half)]));
      const wayTooLarge = await failure(store.commit(Array.from({ length: 4 }, (_, i) => put(`/half/${i}`, half))));

      for (const error of [tooMany, configuredTooMany, tooLarge, wayTooLarge])
        expect(error).toMatchObject({ reason: 'RequestEntityTooLarge' });
      expect(await store.revision()).toBe(before);
    });

    it('keeps its own key to itself', async () => {
      const clock = new ManualClock();
      const store = await open({ clock, historyMs: 10_000 });
      const watch = record(store, '', await store.revision());
      await store.commit([put('/mine', '1')]);
      await store.commit([put('/mine', '2')]);

      await clock.advance(20_000);
      await eventually(() => compactedBy(store) > 0);
      await store.commit([put('/mine', '3')]);

      expect(watch.seen).toEqual(['/mine=1', '/mine=2', '/mine=3']);
      expect((await store.range('')).entries.filter(({ key }) => key.startsWith('\0'))).toEqual([]);
    });

    it('lets keys of the same time to live share leases', async () => {
      const store = await open();
      const before = leases();

      for (let i = 0; i < 30; i++) await store.commit([put(`/leased/${i}`, '', 3600), put(`/other/${i}`, '', 60)]);

      // How many depends on how long it took: they share one for a few seconds.
      expect(leases() - before).toBeLessThan(30);
    });

    it('replays what was committed before it was opened', async () => {
      const first = await open();
      const start = await first.revision();
      for (let i = 0; i < 600; i++) await first.commit([put(i % 3 === 0 ? '/replayed/a' : '/elsewhere', `${i}`)]);

      const late = await open();
      const watch = record(late, '/replayed/', start);
      await first.commit([put('/replayed/a', 'live')]);
      await eventually(() => watch.seen.at(-1) === '/replayed/a=live');

      expect(watch.seen).toEqual([...Array.from({ length: 200 }, (_, i) => `/replayed/a=${i * 3}`), '/replayed/a=live']);
    });

    /** How many leases there are. */
    const leases = (): number => Number(/found (\d+) leases/.exec(etcd.control('lease', 'list'))?.[1]);
  });

  describe('when the network fails', () => {
    it('goes on where it was, without gap or double, once it is there again', async () => {
      const [far, near] = [await openGated(), await open()];
      const watch = record(far, '/broken/', await far.revision());

      for (let round = 0; round < 5; round++) {
        await near.commit([put('/broken/a', `${round} before`)]);
        gate.shut();
        for (let i = 0; i < 10; i++) await near.commit([put('/broken/a', `${round} ${i}`)]);
        gate.open();
        await near.commit([put('/broken/a', `${round} after`)]);
      }
      await eventually(() => watch.seen.at(-1) === '/broken/a=4 after');

      const round = (n: number): string[] =>
        ['before', ...Array.from({ length: 10 }, (_, i) => `${i}`), 'after'].map((text) => `/broken/a=${n} ${text}`);
      expect(watch.seen).toEqual([0, 1, 2, 3, 4].flatMap(round));
      expect(watch.error).toBeUndefined();
    });

    it('does not say whether a commit was made that it has not heard of', async () => {
      const [far, near] = [await openGated({ timeoutMs: 3000 }), await open()];

      gate.loseAnswers();
      const error = await failure(far.commit([put('/lost', '1')]));

      expect(error).toMatchObject({ reason: 'Timeout', message: expect.stringContaining('nobody knows') });
      await eventually(() => near.get('/lost'));
    });

    it('does not say so either when the connection breaks off', async () => {
      const [far, near] = [await openGated(), await open()];

      gate.loseAnswers();
      const commit = failure(far.commit([put('/cut', '1')]));
      await eventually(async () => (await near.get('/cut')) !== undefined);
      gate.shut();

      expect(await commit).toMatchObject({ reason: 'Timeout' });
    });

    it('says that a commit was not made for which it got no lease', async () => {
      const [far, near] = [await openGated({ timeoutMs: 3000 }), await open()];

      gate.loseAnswers();
      const error = await failure(far.commit([put('/unleased', '1', 60)]));

      expect(error).toMatchObject({ reason: 'ServiceUnavailable', message: expect.stringContaining('Cannot get a lease') });
      expect(await near.get('/unleased')).toBeUndefined();
    });

    it('says that a commit was not made that it could not send', async () => {
      const store = await openGated({ timeoutMs: 3000 });
      gate.shut();

      const read = await failure(store.get('/unsent'));
      const commit = await failure(store.commit([put('/unsent', '1')]));

      expect(commit).toMatchObject({ reason: 'ServiceUnavailable' });
      expect(read).toMatchObject({ reason: expect.stringMatching(/ServiceUnavailable|Timeout/) });
    });

    it('reads elsewhere when a member answers nothing, and finds that its watch is stuck', async () => {
      const near = await open();
      gate = await Gate.before(etcd.access.endpoints[0] ?? '');
      const direct = etcd.access.endpoints[0] ?? '';
      const options = { endpoints: [gate.endpoint, direct], timeoutMs: 6000, keepAliveMs: 60_000 };
      let far = await open(options);
      // Which member comes first is left to chance.
      while (!gate.isUsed) far = await open(options);
      const watch = record(far, '/frozen/', await far.revision());

      gate.freeze();
      const revision = await near.commit([put('/frozen/a', '1')]);
      const read = await far.get('/frozen/a');
      await far.revision();
      await eventually(() => watch.seen.length === 1);

      expect(read?.revision).toBe(revision);
    });

    it('ends watches that have missed what is compacted, and serves new ones', async () => {
      const [far, near] = [await openGated(), await open()];
      const watch = record(far, '/missed/', await far.revision());
      gate.shut();
      await near.commit([put('/missed/a', '1')]);
      await near.compact(await near.commit([put('/missed/a', '2')]));
      gate.open();
      await eventually(() => watch.error !== undefined);
      const again = record(far, '/missed/', await far.revision());
      await near.commit([put('/missed/a', '3')]);
      await eventually(() => again.seen.length > 0);

      expect(watch).toMatchObject({ seen: [], error: { reason: 'Expired' } });
      expect(again.seen).toEqual(['/missed/a=3']);
    });
  });

  describe('opening', () => {
    it.each([
      { title: 'nobody listens', options: { endpoints: ['https://127.0.0.1:1'], timeoutMs: 300 } },
      { title: 'it has no certificate', options: { tls: {}, timeoutMs: 300 } },
      { title: 'members are of another authority', options: { timeoutMs: 300, tls: { ca: 'none' } } },
    ])('says that it cannot if $title', async ({ options }) => {
      const error = await failure(open(options));

      expect(error).toMatchObject({ reason: 'ServiceUnavailable', message: expect.stringContaining('Cannot open the store at') });
    });

    it('logs in, and again when the members have forgotten it', async () => {
      await using guarded = await LabEtcd.start('guarded', 1);
      for (const command of ['user add root:secret', 'user grant-role root root', 'auth enable'])
        guarded.control(...command.split(' '));
      const login = { ...guarded.access, user: { name: 'root', password: 'secret' } };
      const store = await open(login);
      const watch = record(store, '/', await store.revision());
      await store.commit([put('/in', '1')]);

      await guarded.member('kill', 0);
      await guarded.member('start', 0);
      await store.commit([put('/in', '2')]);
      await eventually(() => watch.seen.length === 2);
      const wrong = await failure(open({ ...login, user: { name: 'root', password: 'guess' } }));
      const nobody = await failure(open(guarded.access));

      expect(watch).toEqual({ seen: ['/in=1', '/in=2'] });
      expect(wrong).toMatchObject({ reason: 'ServiceUnavailable', message: expect.stringContaining('authentication failed') });
      expect(nobody).toMatchObject({ reason: 'ServiceUnavailable' });
      await store.close();
    });

    it('is done by its module when the store is first asked for', async () => {
      const container = new Container();
      container.bind(CLOCK).toConstantValue(new SystemClock());
      container.bind(LOGGER).toConstantValue(silentLogger);
      container.load(etcdStoreModule(etcd.access));

      const store = await container.getAsync(STORE);
      await store.commit([put('/module', '1')]);

      expect((await store.get('/module'))?.value).toEqual(Buffer.from('1'));
      await store.close();
    });

    it('uses the members that are there', async () => {
      const store = await open({ endpoints: ['https://127.0.0.1:1', ...etcd.access.endpoints, 'https://127.0.0.1:2'] });

      await store.commit([put('/there', '1')]);

      expect(await store.get('/there')).toBeDefined();
    });
  });
});

function compactedBy(store: EtcdStore | undefined): Revision {
  return store?.stats().compacted ?? 0;
}
