import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@keelson/base/testing';
import type { Revision } from '@keelson/store';
import { Workload } from '@keelson/store/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdStore } from './etcd-store.ts';
import { LabEtcd, noEtcd } from './testing/lab-etcd.ts';

/** More for a longer search: see tools/bench/store/chaos.ts. */
const seconds = Number(process.env['KEELSON_CHAOS_SECONDS'] ?? 12);
const MEMBERS = 3;
const CLIENTS = 12;
const PATIENCE = { timeoutMs: 60_000 };

/** What a watch has given: the commits by their revisions, and whatever was wrong. */
interface Log {
  readonly commits: Map<Revision, string>;
  readonly problems: unknown[];
  last: Revision;
}

function follow(store: EtcdStore, after: Revision): Log {
  const log: Log = { commits: new Map(), problems: [], last: after };
  store.watch('/', after).subscribe({
    next: (events) => {
      const [first] = events;
      const revision = first?.type === 'put' ? first.entry.revision : (first?.revision ?? 0);
      if (revision <= log.last) log.problems.push(`revision ${revision} after ${log.last}`);
      log.last = revision;
      log.commits.set(revision, events.map((event) => (event.type === 'put' ? event.entry.key : `-${event.key}`)).join());
    },
    error: (error: unknown) => log.problems.push(error),
  });
  return log;
}

/** Does something to members until told to stop, and leaves all of them running. */
async function harass(etcd: LabEtcd, goOn: () => boolean): Promise<string[]> {
  const done: string[] = [];
  for (let round = 0; goOn(); round++) {
    const [member, other] = [round % MEMBERS, (round + 1) % MEMBERS];
    const action = (['kill', 'pause', 'pause two', 'kill'] as const)[round % 4];
    done.push(`${action} ${member}`);
    if (action === 'kill') {
      await etcd.member('kill', member);
      await sleep(300);
      await etcd.member('start', member);
    } else {
      // Without two there is no majority: nothing can be written meanwhile.
      const paused = action === 'pause two' ? [member, other] : [member];
      for (const each of paused) await etcd.member('pause', each);
      await sleep(action === 'pause' ? 2_500 : 4_000);
      for (const each of paused) await etcd.member('resume', each);
    }
    await sleep(500);
  }
  return done;
}

describe.skipIf(noEtcd)(noEtcd ?? 'on three members of etcd that are killed and paused', () => {
  let etcd: LabEtcd;
  const stores: EtcdStore[] = [];

  beforeAll(async () => {
    etcd = await LabEtcd.start('chaos', MEMBERS);
    // So little time is for those who work meanwhile; to be opened on a busy machine, a store may take longer.
    const open = () => EtcdStore.open({ ...etcd.access, timeoutMs: 3_000, keepAliveMs: 6_000 });
    for (let i = 0; i < MEMBERS; i++) stores.push(await eventually(open, PATIENCE));
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await etcd[Symbol.asyncDispose]();
  });

  it(
    'what clients see is linearizable, and watches miss and double nothing',
    async () => {
      const start = (await stores[0]?.revision()) ?? 0;
      const logs = stores.map((store) => follow(store, start));
      const endMs = performance.now() + seconds * 1000;
      let isHarassed = true;
      const goOn = (): boolean => performance.now() < endMs;
      const workload = new Workload({ stores, clients: CLIENTS, keys: 8, prefix: '/lin/', goOn: () => isHarassed || goOn() });

      const harassment = harass(etcd, goOn).finally(() => (isHarassed = false));
      const result = await workload.run();
      const actions = await harassment;
      // The members may still be choosing who leads.
      const revision = await eventually(
        () => stores[0]?.commit([{ type: 'put', key: '/end', value: Buffer.from('') }]),
        PATIENCE,
      );
      await eventually(() => logs.every(({ last, problems }) => last >= revision || problems.length > 0), PATIENCE);

      process.stdout.write(`${actions.length} actions, ${result.operations} operations, ${result.unknown} of unknown outcome\n`);
      // As text, so that a failure tells the whole history.
      expect(JSON.stringify(result.problems, undefined, 1)).toBe('[]');
      expect(result.operations).toBeGreaterThan(CLIENTS);
      expect(logs.flatMap(({ problems }) => problems)).toEqual([]);
      // Writes of which nobody heard may still take effect.
      const [first, ...others] = logs.map(({ commits }) => [...commits].filter(([at]) => at <= revision));
      for (const other of others) expect(other).toEqual(first);
    },
    180_000 + seconds * 3_000,
  );
});
