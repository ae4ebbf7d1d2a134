import { Pod } from '@keelson/api/core/v1';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CachedInformer } from './cached-informer.ts';
import { Controller, TerminalError, type Reconciler } from './controller.ts';
import { everyMs, fromInformer, ownedBy } from './source.ts';
import { HandDrivenApi } from './testing/hand-driven-api.ts';

describe('Controller', () => {
  let api: HandDrivenApi;
  let clock: ManualClock;
  let informer: CachedInformer<Pod>;
  let running: Controller | undefined;

  beforeEach(async () => {
    api = new HandDrivenApi();
    clock = new ManualClock();
    informer = new CachedInformer(Pod, { client: createClient(api), clock, logger: silentLogger });
    await informer.start(new AbortController().signal);
  });

  afterEach(async () => {
    await running?.stop();
    await informer.stop();
  });

  async function run(reconcile: Reconciler['reconcile'], source = fromInformer(informer), timeoutMs = 1_000): Promise<void> {
    running = new Controller(
      { name: 'test', reconciler: { reconcile }, sources: [source], clock, logger: silentLogger },
      { timeoutMs, concurrency: 2 },
    );
    await running.start(new AbortController().signal);
  }

  it('reconciles what is there and what changes', async () => {
    const seen: string[] = [];
    api.put('a');
    await run(async ({ namespace, name }) => void seen.push(`${namespace}/${name}`));
    await clock.advance(0);
    api.put('b');
    api.delete('a');
    await clock.advance(0);

    expect(seen).toEqual(['default/a', 'default/b', 'default/a']);
  });

  it('tries again after a failure, later and later, but not after a terminal one', async () => {
    const seen: string[] = [];
    await run(async ({ name }) => {
      seen.push(name);
      if (name === 'hopeless') throw new TerminalError('no use');
      if (seen.length < 4) throw new Error('not yet');
    });
    api.put('a');
    await clock.advance(5 + 10 + 20);
    api.put('hopeless');
    await clock.advance(60_000);

    expect(seen).toEqual(['a', 'a', 'a', 'a', 'hopeless']);
  });

  it('comes back when the reconciler asked for it', async () => {
    let count = 0;
    await run(async () => ({ ...(++count < 3 && { requeueAfterMs: 10_000 }) }));
    api.put('a');
    await clock.advance(9_999);
    expect(count).toBe(1);
    await clock.advance(60_000);

    expect(count).toBe(3);
  });

  it('gives up on a reconciler that never ends, and tries again', async () => {
    let count = 0;
    const aborted: boolean[] = [];
    await run(async (_key, { signal }) => {
      count += 1;
      if (count === 1) await new Promise<void>(() => signal.addEventListener('abort', () => aborted.push(true)));
    });
    api.put('a');
    await clock.advance(1_100);

    expect([count, aborted]).toEqual([2, [true]]);
  });

  it('never works on one key twice at the same time', async () => {
    let [now, most, total] = [0, 0, 0];
    await run(async () => {
      now += 1;
      total += 1;
      most = Math.max(most, now);
      await clock.sleep(100);
      now -= 1;
    });
    for (let change = 0; change < 5; change += 1) {
      api.put('a');
      await clock.advance(30);
    }
    await clock.advance(1_000);

    expect(most).toBe(1);
    expect(total).toBeGreaterThan(1);
  });

  it('finds the owner of what changes', async () => {
    const seen: string[] = [];
    const owner = (kind: string, apiVersion = 'apps/v1') => ({
      ownerReferences: [{ apiVersion, kind, name: `my-${kind}`, uid: 'u', controller: true }],
    });
    await run(async ({ name }) => void seen.push(name), ownedBy(informer, ReplicaSet));
    api.put('a', owner('ReplicaSet'));
    api.put('b', owner('StatefulSet'));
    api.put('c', owner('ReplicaSet', 'example.com/v1'));
    api.put('d');
    await clock.advance(0);

    expect(seen).toEqual(['my-ReplicaSet']);
  });

  it('counts by the names that upstream has', async () => {
    const registry = new Registry();
    const reconciler = {
      reconcile: async ({ name }: { name: string }) => {
        if (name === 'bad') throw new TerminalError('no use');
      },
    };
    running = new Controller(
      { name: 'counted', reconciler, sources: [fromInformer(informer)], clock, logger: silentLogger, metrics: registry },
      { concurrency: 2 },
    );
    await running.start(new AbortController().signal);
    for (const name of ['a', 'b', 'bad']) api.put(name);
    await clock.advance(0);
    const text = await registry.metrics();

    expect(text).toContain('controller_runtime_reconcile_total{controller="counted",result="success"} 2');
    expect(text).toContain('controller_runtime_reconcile_total{controller="counted",result="error"} 1');
    expect(text).toContain('controller_runtime_terminal_reconcile_errors_total{controller="counted"} 1');
    expect(text).toContain('controller_runtime_active_workers{controller="counted"} 0');
    expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="counted"} 2');
    expect(text).toContain('workqueue_adds_total{name="counted"} 3');
    expect(text).toContain('workqueue_depth{name="counted"} 0');
    expect(text).toContain('workqueue_work_duration_seconds_count{name="counted"} 3');
  });

  it('takes keys from time, and leaves out what a predicate refuses', async () => {
    const seen: string[] = [];
    const beat = everyMs(clock, 1_000, () => [{ namespace: '', name: 'beat' }]);
    const quiet = fromInformer(informer, undefined, ({ type }) => type !== 'updated');
    running = new Controller({
      name: 'test',
      reconciler: { reconcile: async ({ name }) => void seen.push(name) },
      sources: [beat, quiet],
      clock,
      logger: silentLogger,
    });
    await running.start(new AbortController().signal);
    api.put('a');
    await clock.advance(10);
    api.put('a');
    await clock.advance(1_000);

    expect(seen).toEqual(['beat', 'a', 'beat']);
  });

  it('tries again soon when the reconciler asks for it, with back-off', async () => {
    const timesMs: number[] = [];
    await run(async () => ({ requeue: timesMs.push(clock.monotonic()) < 4 }));
    api.put('a');
    await clock.advance(1_000);

    expect(timesMs.map((ms) => ms - (timesMs[0] ?? 0))).toEqual([0, 5, 15, 35]);
  });
});
