import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ApiProbe, configMap, MAPS, turn, type EventLog, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

const names = fc.constantFrom('a', 'b', 'c', 'd');
/** What clients do, one after the other; `follow` begins to list and watch as a reflector does. */
const step = fc.oneof(
  fc.record({ op: fc.constant('put' as const), name: names, isOn: fc.boolean() }),
  fc.record({ op: fc.constant('remove' as const), name: names }),
  fc.record({ op: fc.constant('follow' as const), selects: fc.boolean() }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Follower {
  readonly query: { readonly labelSelector?: string };
  readonly list: Loose;
  readonly log: EventLog;
}

const idOf = ({ metadata }: Loose): string => `${metadata.name} ${metadata.uid} ${metadata.labels?.on}`;
const versionOf = ({ metadata }: Loose): number => Number(metadata.resourceVersion);

async function follow(probe: ApiProbe, selects: boolean): Promise<Follower> {
  const query = selects ? { labelSelector: 'on=true' } : {};
  const list: Loose = await probe.get(MAPS, query);
  const log = await probe.watch(MAPS, { ...query, resourceVersion: list.metadata.resourceVersion });
  return { query, list, log };
}

async function put(probe: ApiProbe, name: string, isOn: boolean): Promise<void> {
  const object = configMap(name, {}, { labels: { on: String(isOn) } });
  await probe.create(MAPS, object).catch(() => probe.update(`${MAPS}/${name}`, object));
}

/** What a client knows that has listed and then applied every event. */
function known({ list, log }: Follower): string[] {
  const objects = new Map<string, Loose>(list.items.map((item: Loose) => [item.metadata.name, item]));
  for (const { type, object } of log.events) {
    const name = object.metadata?.name ?? '';
    // An object is told to be new only to whom it is, and gone only to whom it was there.
    expect([type, objects.has(name)]).toEqual([type, type !== 'ADDED']);
    if (type === 'DELETED') objects.delete(name);
    else objects.set(name, object);
  }
  return [...objects.values()].map(idOf).sort();
}

async function play(probe: ApiProbe, steps: readonly Step[]): Promise<Follower[]> {
  const followers: Follower[] = [];
  for (const each of steps) {
    if (each.op === 'put') await put(probe, each.name, each.isOn);
    else if (each.op === 'remove') await probe.remove(`${MAPS}/${each.name}`).catch(() => undefined);
    else followers.push(await follow(probe, each.selects));
  }
  await turn();
  return followers;
}

it('gives whoever lists and then watches what there is, with neither gaps nor repetitions', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await using api = await startTestApiServer({ serviceAccounts: false, namespaces: ['default'] });
      const probe = new ApiProbe(api.transport);

      const followers = await play(probe, steps);

      for (const follower of followers) {
        const { list, log, query } = follower;
        const now: Loose = await probe.get(MAPS, query);
        const versions = log.events.map(({ object }) => versionOf(object));
        expect(known(follower)).toEqual(now.items.map(idOf).sort());
        expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
        expect(Math.min(...versions, Infinity)).toBeGreaterThan(versionOf(list));
        for (const item of list.items) expect(versionOf(item)).toBeLessThanOrEqual(versionOf(list));
        log[Symbol.dispose]();
      }
    }),
    { numRuns: 40 },
  );
});
