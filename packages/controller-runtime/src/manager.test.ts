import { ConfigMap } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger, type Runnable } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { Controller } from './controller.ts';
import { Manager } from './manager.ts';
import { fromInformer } from './source.ts';
import { MemoryApi } from './testing/memory-api.ts';

describe('Manager', () => {
  let api: MemoryApi;
  let clock: ManualClock;
  let log: string[];

  beforeEach(() => {
    [api, clock, log] = [new MemoryApi(), new ManualClock(), []];
  });

  const part = (name: string): Runnable => ({
    name,
    start: async () => void log.push(`start ${name}`),
    stop: async () => void log.push(`stop ${name}`),
  });
  const election = (identity: string) => ({ leaseName: 'lock', namespace: 'kube-system', identity });

  it('starts informers before controllers, and stops in the opposite order', async () => {
    const manager = new Manager({ client: createClient(api), clock, logger: silentLogger });
    const configMaps = manager.informers.for(ConfigMap);
    await manager.client.resource(ConfigMap).create({ metadata: { name: 'a', namespace: 'dev' } });
    manager.add(
      new Controller({
        name: 'test',
        reconciler: {
          reconcile: async (key) => void log.push(`reconcile ${configMaps.get(key.name, key.namespace)?.metadata?.name}`),
        },
        sources: [fromInformer(configMaps)],
        clock,
        logger: silentLogger,
      }),
    );
    manager.add(part('one'));
    await manager.start(new AbortController().signal);
    manager.add(part('late'));
    await clock.advance(0);
    await manager.client.resource(ConfigMap).create({ metadata: { name: 'b', namespace: 'dev' } });
    await clock.advance(0);
    await manager.stop();

    expect(log).toEqual(['reconcile a', 'start one', 'start late', 'reconcile b', 'stop late', 'stop one']);
    expect(clock.pending).toBe(0);
  });

  it('runs what was added only while it leads, and hands over', async () => {
    const registry = new Registry();
    const managers = ['one', 'two'].map((identity) => {
      const leaderElection = election(identity);
      const manager = new Manager({ client: createClient(api), clock, logger: silentLogger, leaderElection, metrics: registry });
      manager.add(part(identity));
      return manager;
    });
    for (const manager of managers) {
      await manager.start(new AbortController().signal);
      await clock.advance(0);
    }
    expect(log).toEqual(['start one']);
    await managers[0]?.stop();
    await clock.advance(10_000);
    expect(await registry.metrics()).toContain('leader_election_master_status{name="lock"} 1');
    await managers[1]?.stop();

    expect(log).toEqual(['start one', 'stop one', 'start two', 'stop two']);
    expect(clock.pending).toBe(0);
  });

  it('stops everything when it loses the leadership, and says so', async () => {
    const leaderElection = { ...election('one'), onLost: () => void log.push('lost') };
    const manager = new Manager({ client: createClient(api), clock, logger: silentLogger, leaderElection });
    manager.add(part('one'));
    await manager.start(new AbortController().signal);
    await clock.advance(0);
    api.intercept = () => {
      throw new KeelsonError('ServiceUnavailable', 'away');
    };
    await clock.advance(15_000);

    expect(log).toEqual(['start one', 'stop one', 'lost']);
    await manager.stop();
  });

  it('steps down when what was added cannot start', async () => {
    const leaderElection = { ...election('one'), onLost: () => void log.push('lost') };
    const manager = new Manager({ client: createClient(api), clock, logger: silentLogger, leaderElection });
    manager.add(part('one'));
    manager.add({ ...part('broken'), start: () => Promise.reject(new Error('cannot start')) });
    await manager.start(new AbortController().signal);
    await clock.advance(0);

    expect(log).toEqual(['start one', 'stop broken', 'stop one', 'lost']);
    await manager.stop();
  });
});
