import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { ProxyMode, SyncOptions, SyncReport } from './proxy-mode.ts';
import { ServiceProxy } from './proxy.ts';
import type { ServiceMap } from './service-map.ts';
import { endpoint, ManualSource, NODE, service, slice } from './test-support/objects.ts';

/** Holds what it was given; fails as often as it is told to. */
class MemoryMode implements ProxyMode {
  readonly name = 'memory';
  readonly seen: string[] = [];
  current: ServiceMap = new Map();
  failures = 0;
  problems: SyncReport['problems'] = [];
  hold: Promise<void> | undefined;
  closed = false;
  #busy = false;

  async sync(desired: ServiceMap, { full = false }: SyncOptions = {}): Promise<SyncReport> {
    expect(this.#busy).toBe(false);
    this.#busy = true;
    await this.hold;
    this.#busy = false;
    this.seen.push(`${full ? 'full' : 'changes'} ${desired.size}`);
    if (this.failures-- > 0) throw new Error('the node says no');
    this.current = desired;
    return { changed: true, problems: this.problems };
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    this.current = new Map();
    return this.close();
  }
}

async function setUp(prepare: (mode: MemoryMode) => void = () => undefined) {
  const clock = new ManualClock();
  const services = new ManualSource<Service>();
  const endpointSlices = new ManualSource<EndpointSlice>();
  const mode = new MemoryMode();
  prepare(mode);
  const proxy = new ServiceProxy({ services, endpointSlices, mode, clock, logger: silentLogger }, { nodeName: NODE });
  const started = proxy.start(new AbortController().signal);
  services.sync(service('a'));
  endpointSlices.sync();
  await started;
  return { clock, services, endpointSlices, mode, proxy };
}

describe('ServiceProxy', () => {
  it('is started once the first sync is through, and follows changes', async () => {
    const { clock, services, mode, proxy } = await setUp();
    expect(mode.seen).toEqual(['changes 1']);

    services.add(service('b'));
    await clock.advance(10);

    expect(mode.seen).toEqual(['changes 1', 'changes 2']);
    await proxy.stop();
  });

  it('tries again with growing delays, looking at everything', async () => {
    const { clock, mode, proxy } = await setUp((one) => (one.failures = 2));
    expect(mode.current.size).toBe(0);

    await clock.advance(110);
    expect(mode.seen).toEqual(['changes 1', 'full 1']);
    await clock.advance(220);

    expect(mode.seen).toEqual(['changes 1', 'full 1', 'full 1']);
    expect(mode.current.size).toBe(1);
    await proxy.stop();
  });

  it('tries again when single services are not served', async () => {
    const { clock, mode, proxy } = await setUp(
      (one) => (one.problems = [{ service: 'default/a:http', message: 'port is in use' }]),
    );

    await clock.advance(110);

    expect(mode.seen).toEqual(['changes 1', 'changes 1']);
    await proxy.stop();
  });

  it('waits for the next look where trying again is of no use', async () => {
    const { clock, mode, proxy } = await setUp((one) => (one.problems = [{ message: 'no right to', lasting: true }]));

    await clock.advance(30_000);
    expect(mode.seen).toEqual(['changes 1']);
    await clock.advance(30_000);

    expect(mode.seen).toEqual(['changes 1', 'full 1']);
    await proxy.stop();
  });

  it('does one sync at a time, the next to the newest map', async () => {
    const { clock, services, mode, proxy } = await setUp();
    const gate = Promise.withResolvers<void>();
    mode.hold = gate.promise;
    for (const name of ['b', 'c', 'd']) {
      services.add(service(name));
      await clock.advance(10);
    }

    gate.resolve();
    await clock.advance(0);

    expect(mode.seen).toEqual(['changes 1', 'changes 2', 'changes 4']);
    await proxy.stop();
  });

  it('looks at what is really there from time to time', async () => {
    const { clock, mode, proxy } = await setUp();

    await clock.advance(60_000);

    expect(mode.seen).toEqual(['changes 1', 'full 1']);
    await proxy.stop();
  });

  it('stops without leaving a timer, and closes the mode', async () => {
    const { clock, mode, proxy } = await setUp((one) => (one.failures = 1));

    await proxy.stop();

    expect(clock.pending).toBe(0);
    expect(mode.closed).toBe(true);
  });

  it('gives up its start when told to', async () => {
    const never = new ManualSource<Service>();
    const abort = new AbortController();
    const proxy = new ServiceProxy(
      {
        services: never,
        endpointSlices: new ManualSource<EndpointSlice>(),
        mode: new MemoryMode(),
        clock: new ManualClock(),
        logger: silentLogger,
      },
      { nodeName: NODE },
    );
    const started = proxy.start(abort.signal);

    abort.abort(new Error('enough'));

    await expect(started).rejects.toThrow('enough');
    await proxy.stop();
  });

  it('measures how long changes of endpoints take to come through, and is healthy when they have', async () => {
    const { clock, endpointSlices, proxy } = await setUp();
    const trigger = new Date(clock.now() - 700).toISOString();
    const one = slice('a-1', [endpoint('10.0.0.1')], undefined, 'a');
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': trigger };

    endpointSlices.add({ ...one, metadata: { ...one.metadata, annotations } });
    expect(proxy.metrics.text()).toContain('kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family="IPv4"} 1');
    await clock.advance(10);
    await proxy.stop();

    const lines = proxy.metrics.text().split('\n');
    expect(lines).toContain('kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="0.5"} 0');
    expect(lines).toContain('kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="1"} 1');
    expect(lines).toContain('kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family="IPv4"} 0');
    expect(proxy.health.isHealthy).toBe(true);
  });
});
