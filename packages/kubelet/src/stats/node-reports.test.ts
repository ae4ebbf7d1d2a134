import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerStats } from '@keelson/runtime';
import { container, World } from '../testing/world.ts';

const MIB = 1024 * 1024;

describe('what a node and its pods use', () => {
  let world: World;
  /** Seconds of CPU time that each container has used. */
  let cpuSeconds: number;
  let looks: number;
  /** The runtime takes what it is asked, and does not answer. */
  let isSilent: boolean;

  beforeEach(async () => {
    cpuSeconds = 4;
    looks = 0;
    isSilent = false;
    world = await World.start();
    world.runtime.machineStats = async () => ({ ...used(3), pageFaults: 9 });
    world.runtime.stats = async () => {
      looks += 1;
      if (isSilent) await new Promise(() => undefined);
      if (world.runtime.down) throw new Error('down');
      return [...world.runtime.containers.keys()].map((containerId): ContainerStats => ({ containerId, ...used(1) }));
    };
    const limited = container('web', { resources: { requests: { cpu: '100m' }, limits: { memory: '64Mi', cpu: '1' } } });
    world.createPod('a', { containers: [limited, container('side')] });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');
  });
  afterEach(() => world[Symbol.asyncDispose]());

  function used(times: number): Omit<ContainerStats, 'containerId'> {
    const cpuUsageNanoSeconds = times * cpuSeconds * 1e9;
    const memory = { memoryUsageBytes: 20 * MIB, memoryWorkingSetBytes: 16 * MIB, memoryRssBytes: 8 * MIB };
    return { atMs: world.clock.now(), cpuUsageNanoSeconds, ...memory };
  }

  const reports = () => world.kubelet.api.stats;

  it('is shown as a Summary, with rates once it was looked at twice', async () => {
    const first = await reports().summary(true);
    await world.advance(10_000);
    cpuSeconds = 9;
    const second = await reports().summary(true);

    expect(first).toMatchObject({ node: { cpu: { usageCoreNanoSeconds: 12e9 } } });
    expect(first).not.toHaveProperty('node.cpu.usageNanoCores');
    expect(second).toMatchObject({
      node: {
        nodeName: 'n1',
        cpu: { usageNanoCores: 1.5e9, usageCoreNanoSeconds: 27e9 },
        memory: { workingSetBytes: 16 * MIB, rssBytes: 8 * MIB, pageFaults: 9, availableBytes: 8192 * MIB - 16 * MIB },
      },
      pods: [
        {
          podRef: { name: 'a', namespace: 'default', uid: world.pod('a')?.metadata?.uid },
          cpu: { usageNanoCores: 1e9, usageCoreNanoSeconds: 18e9 },
          memory: { workingSetBytes: 32 * MIB },
          containers: [
            { name: 'web', cpu: { usageNanoCores: 5e8 }, memory: { usageBytes: 20 * MIB, availableBytes: 48 * MIB } },
            { name: 'side', cpu: { usageNanoCores: 5e8 }, memory: { usageBytes: 20 * MIB } },
          ],
        },
      ],
    });
    expect(second).not.toHaveProperty('pods.0.memory.availableBytes');
    expect(second).not.toHaveProperty('node.fs');
    expect(await reports().summary()).toMatchObject({
      node: {
        fs: { capacityBytes: expect.any(Number), inodesUsed: expect.any(Number) },
        runtime: { imageFs: { usedBytes: 1000 } },
      },
    });
  });

  it('shows what pods take up on disks, and what has gone over their networks', async () => {
    const containers = [container('disk', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })];
    world.createPod('b', { containers, volumes: [{ name: 'v', emptyDir: {} }] });
    await world.until(() => world.pod('b')?.status?.phase === 'Running');
    world.runtime.written.set('disk', 3 * MIB);

    const { pods } = (await reports().summary()) as { readonly pods: readonly { readonly podRef: { readonly name: string } }[] };

    const eth0 = { name: 'eth0', rxBytes: 10, rxErrors: 0, txBytes: 20, txErrors: 1 };
    expect(pods.find(({ podRef }) => podRef.name === 'b')).toMatchObject({
      network: { ...eth0, interfaces: [eth0] },
      containers: [
        {
          name: 'disk',
          rootfs: { usedBytes: 3 * MIB, capacityBytes: expect.any(Number) },
          logs: { usedBytes: 1024, inodesUsed: 1 },
        },
      ],
      volume: [{ name: 'v', usedBytes: expect.any(Number), inodesUsed: 1, capacityBytes: expect.any(Number) }],
      'ephemeral-storage': { usedBytes: expect.any(Number), availableBytes: expect.any(Number) },
    });
    expect(await reports().summary(true)).not.toHaveProperty('pods.0.network');
    const labels = `namespace="default",pod="b",interface="eth0"`;
    expect(await reports().containerMetrics()).toMatch(new RegExp(`container_network_transmit_bytes_total\\{.*${labels}\\} 20 `));
  });

  it('is shown to metrics-server by the names that it reads', async () => {
    const at = world.clock.now();

    expect((await reports().resourceMetrics()).split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      `container_cpu_usage_seconds_total{container="web",namespace="default",pod="a"} 4 ${at}`,
      `container_cpu_usage_seconds_total{container="side",namespace="default",pod="a"} 4 ${at}`,
      `container_memory_working_set_bytes{container="web",namespace="default",pod="a"} 16777216 ${at}`,
      `container_memory_working_set_bytes{container="side",namespace="default",pod="a"} 16777216 ${at}`,
      ...(['web', 'side'] as const).map(
        (name) => `container_start_time_seconds{container="${name}",namespace="default",pod="a"} ${startedAt(name)}`,
      ),
      `node_cpu_usage_seconds_total 12 ${at}`,
      `node_memory_working_set_bytes 16777216 ${at}`,
      `pod_cpu_usage_seconds_total{namespace="default",pod="a"} 8 ${at}`,
      `pod_memory_working_set_bytes{namespace="default",pod="a"} 33554432 ${at}`,
      'resource_scrape_error 0',
      'scrape_error 0',
      '',
    ]);
    expect(await reports().resourceMetrics()).toContain('# TYPE container_cpu_usage_seconds_total counter\n');
  });

  function startedAt(name: string): number {
    return (world.runtime.latest(name)?.startedAtMs ?? 0) / 1000;
  }

  it('is an error in the metrics, and no failure, while the runtime does not answer', async () => {
    world.runtime.down = true;

    const text = await reports().resourceMetrics();

    expect(text).toContain('scrape_error 1\n');
    expect(text).not.toContain('node_cpu');
    await expect(reports().summary()).rejects.toThrow();
  });

  it('is given up after ten seconds, and looked at anew when it is asked for again', async () => {
    isSilent = true;
    const text = reports().resourceMetrics();
    await world.advance(10_000);
    isSilent = false;

    expect(await text).toContain('scrape_error 1\n');
    expect(await reports().resourceMetrics()).toContain('scrape_error 0\n');
  });

  it('is looked at once a second, however many ask', async () => {
    await Promise.all([reports().usage(), reports().summary(true), reports().resourceMetrics()]);
    await reports().usage();
    expect(looks).toBe(1);

    await world.advance(1000);
    await reports().usage();
    expect(looks).toBe(2);
  });

  it('is only what runs now: a container that was restarted is counted once', async () => {
    world.runtime.exit('side', 1);
    await world.until(() => world.runtime.latest('side')?.attempt === 1);
    await world.until(() => world.pod('a')?.status?.containerStatuses?.[1]?.state?.running !== undefined);

    const { pods } = await reports().usage();

    expect(pods[0]?.containers.map(({ name, id }) => [name, id])).toEqual([
      ['web', world.runtime.latest('web')?.id],
      ['side', world.runtime.latest('side')?.id],
    ]);
  });

  it('is shown with limits, for dashboards', async () => {
    const text = await reports().containerMetrics();

    const uid = world.pod('a')?.metadata?.uid;
    const id = world.runtime.latest('web')?.id;
    const labels = `container="web",id="/kubepods/burstable/pod${uid}/${id}",image="web:1",name="${id}",namespace="default",pod="a"`;
    expect(text).toContain(`container_memory_rss{${labels}} 8388608 ${world.clock.now()}\n`);
    expect(text).toContain(`container_spec_memory_limit_bytes{${labels}} 67108864 ${world.clock.now()}\n`);
    expect(text).toContain(`container_spec_cpu_quota{${labels}} 100000 ${world.clock.now()}\n`);
    expect(text).toContain('container_cpu_usage_seconds_total{container="",id="/",image="",name="",namespace="",pod=""} 12 ');
    expect(text).toContain('machine_cpu_cores 4\n');
  });
});
