import { controllerReference } from '@keelson/api';
import { ConfigMap, Pod, Secret } from '@keelson/api/core/v1';
import { silentLogger, type Runnable } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineController, reads, watch, type ControllerDefinition } from './define-controller.ts';
import { InformerFactory } from './informer-factory.ts';
import { HeldApi } from './testing/held-api.ts';
import { MemoryApi } from './testing/memory-api.ts';

let memory: MemoryApi;
let api: HeldApi;
let client: Client;
let clock: ManualClock;
let informers: InformerFactory;
let running: Runnable | undefined;

beforeEach(() => {
  memory = new MemoryApi();
  api = new HeldApi(memory);
  client = createClient(api);
  clock = new ManualClock();
  informers = new InformerFactory({ client, clock, logger: silentLogger });
});

afterEach(async () => {
  await running?.stop();
  await informers.stop();
});

async function run(definition: Omit<ControllerDefinition<ConfigMap>, 'for'>): Promise<void> {
  const events = { event: () => undefined };
  running = defineController({ for: ConfigMap, ...definition }, { client, informers, events, clock, logger: silentLogger });
  await informers.start(new AbortController().signal);
  await running.start(new AbortController().signal);
}

const at = (name: string) => ({ name, namespace: 'default' });
const maps = () => client.resource(ConfigMap);
const creations = (): number => memory.calls.filter((call) => call === 'POST /api/v1/namespaces/default/secrets').length;

/** Makes a Secret for each ConfigMap if the cache has none. */
const makesSecrets: Omit<ControllerDefinition<ConfigMap>, 'for'> = {
  owns: [Secret],
  reconcile: async (map, { client: own, cached, key }) => {
    if (cached(Secret).list(key.namespace).length > 0) return;
    const metadata = { ...at(`secret-${creations()}`), ownerReferences: [controllerReference(map, ConfigMap)] };
    await own.resource(Secret).create({ metadata });
  },
};

describe('a defined controller', () => {
  it('reconciles its objects, and again when what they own changes', async () => {
    await run(makesSecrets);

    await maps().create({ metadata: at('a') });
    await clock.advance(10);
    await client.resource(Secret).delete(at('secret-0'));
    await clock.advance(10);

    expect(creations()).toBe(2);
    expect([...memory.objects.keys()]).toContain('/api/v1/namespaces/default/secrets/secret-1');
  });

  it('does nothing twice because a cache does not show yet what it has done', async () => {
    await run(makesSecrets);
    await maps().create({ metadata: at('a') });
    await clock.advance(0);
    expect(creations()).toBe(1);
    const secret = await client.resource(Secret).get(at('secret-0'));

    api.hold();
    await client.resource(Secret).delete(at('secret-0'));
    api.release();
    api.hold();
    await clock.advance(10);
    const lagging = creations();
    // Told of some other change, while the cache still lacks the second Secret.
    api.release();
    await maps().patch(at('a'), 'merge', { data: { x: '1' } });
    await clock.advance(10);

    expect(secret.metadata?.ownerReferences).toMatchObject([{ kind: 'ConfigMap', name: 'a' }]);
    expect([lagging, creations()]).toEqual([2, 2]);
  });

  it('waits for its own deletions too', async () => {
    const seen: number[] = [];
    await run({
      watches: [reads(Secret)],
      reconcile: async (_map, { client: own, cached }) => {
        const secrets = cached(Secret).list();
        seen.push(secrets.length);
        if (secrets[0]) await own.resource(Secret).delete(at(secrets[0].metadata?.name ?? ''));
      },
    });
    await client.resource(Secret).create({ metadata: at('s') });
    await maps().create({ metadata: at('a') });
    await clock.advance(0);

    api.hold();
    await maps().patch(at('a'), 'merge', { data: { x: '1' } });
    api.release();
    await clock.advance(0);

    expect(seen).toEqual([1, 0]);
  });

  it('goes on without the cache if that does not catch up, after a while', async () => {
    let runs = 0;
    await run({
      owns: [Secret],
      reconcile: async (_map, { client: own }) => {
        runs += 1;
        api.hold();
        if (runs === 1) await own.resource(Secret).create({ metadata: at('s') });
        return { requeueAfterMs: 1_000 };
      },
    });
    await maps().create({ metadata: at('a') });

    await clock.advance(30_000);
    expect(runs).toBe(1);
    await clock.advance(1_500);

    expect(runs).toBe(2);
  });

  it('does not wait for what no cache would hold', async () => {
    let runs = 0;
    await run({
      watches: [reads(Secret, { labelSelector: 'app=web' })],
      reconcile: async (_map, { client: own }) => {
        runs += 1;
        if (runs > 1) return;
        api.hold();
        await own.resource(Secret).create({ metadata: { ...at('s'), labels: { app: 'db' } } });
        await own.resource(Pod).create({ metadata: at('p') });
        return { requeueAfterMs: 1_000 };
      },
    });
    await maps().create({ metadata: at('a') });

    await clock.advance(1_000);

    expect(runs).toBe(2);
  });

  it('reconciles what a change of another kind concerns', async () => {
    const seen: string[] = [];
    await maps().create({ metadata: at('a') });
    await maps().create({ metadata: at('b') });
    await run({
      watches: [watch(Secret, ({ metadata }) => [at(metadata?.annotations?.['for'] ?? '')])],
      reconcile: async (map) => void seen.push(map.metadata?.name ?? ''),
    });
    await clock.advance(0);
    seen.length = 0;

    await client.resource(Secret).create({ metadata: { ...at('s'), annotations: { for: 'b' } } });
    await client.resource(Secret).create({ metadata: { ...at('t'), annotations: { for: 'nobody' } } });
    await clock.advance(0);

    expect(seen).toEqual(['b']);
  });

  it('refuses to read a kind of whose changes nobody would tell', async () => {
    const errors: string[] = [];
    await run({
      reconcile: async (_map, { cached }) => {
        try {
          cached(Pod);
        } catch (error) {
          errors.push((error as Error).message);
        }
      },
    });
    await maps().create({ metadata: at('a') });
    await clock.advance(0);

    expect(errors).toEqual([expect.stringContaining('names kind Pod')]);
  });
});

describe('the finalizer of a defined controller', () => {
  it('is there before the first reconciliation, and goes when all is cleaned up', async () => {
    const steps: string[] = [];
    await run({
      finalizer: {
        name: 'test/cleanup',
        cleanUp: async () => {
          steps.push('clean up');
          return steps.length < 4 ? { requeueAfterMs: 1_000 } : undefined;
        },
      },
      reconcile: async (map) => void steps.push(`reconcile with ${map.metadata?.finalizers?.join() ?? 'none'}`),
    });
    await maps().create({ metadata: at('a') });
    await clock.advance(0);
    steps.splice(1);

    await maps().delete(at('a'));
    await clock.advance(500);
    const during = memory.objects.size;
    await clock.advance(2_000);

    expect(steps).toEqual(['reconcile with test/cleanup', 'clean up', 'clean up', 'clean up']);
    expect([during, memory.objects.size]).toEqual([1, 0]);
  });

  it('is left to whoever put it there, if it is another', async () => {
    await run({ finalizer: { name: 'test/cleanup', cleanUp: async () => undefined }, reconcile: async () => undefined });
    await maps().create({ metadata: { ...at('a'), finalizers: ['other/one'] } });
    await clock.advance(0);

    await maps().delete(at('a'));
    await clock.advance(0);

    expect((await maps().get(at('a'))).metadata?.finalizers).toEqual(['other/one']);
  });
});
