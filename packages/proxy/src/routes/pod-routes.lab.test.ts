import type { Node } from '@keelson/api/core/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualSource } from '../test-support/objects.ts';
import { labObstacle, Machine } from '../testing/network-lab.ts';
import { PodRoutes, removePodRoutes } from './pod-routes.ts';

const obstacle = await labObstacle('iptables');
const NODES = [1, 2, 3] as const;

/**
 * Three nodes in one network, each with a pod, and a machine outside of the cluster:
 *
 *     pod-I 10.210.I.2 ── node-I: cbr0 10.210.I.1, lan 192.0.2.I ── switch ── outside 192.0.2.9
 */
describe.skipIf(obstacle !== '')(`PodRoutes${obstacle === '' ? '' : ` (LEFT OUT: ${obstacle})`}`, () => {
  const machines: Machine[] = [];
  const agents: PodRoutes[] = [];
  const source = new ManualSource<Node>();
  let nodes: readonly Machine[] = [];
  let pods: readonly Machine[] = [];
  let outside: Machine;

  const node = (index: number, podCIDR = `10.210.${index}.0/24`): Node => ({
    metadata: { name: `node-${index}` },
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: { addresses: [{ type: 'InternalIP', address: `192.0.2.${index}` }] },
  });
  const boot = async (name: string, address: string): Promise<Machine> => {
    const machine = await Machine.boot(`keelson-routes-${process.pid}-${name}`, address);
    machines.push(machine);
    return machine;
  };
  const wire = async (switchboard: Machine, machine: Machine, device: string): Promise<void> => {
    await switchboard.sh(
      `ip link add ${device} type veth peer name lan netns ${machine.name}; ip link set ${device} master br0 up`,
    );
    await machine.sh(`ip addr add ${machine.address}/24 dev lan; ip link set lan up`);
  };

  beforeAll(async () => {
    const switchboard = await boot('switch', '');
    await switchboard.sh('ip link add br0 type bridge; ip link set br0 up');
    outside = await boot('outside', '192.0.2.9');
    await wire(switchboard, outside, 'outside');
    nodes = await Promise.all(NODES.map((index) => boot(`node-${index}`, `192.0.2.${index}`)));
    pods = await Promise.all(NODES.map((index) => boot(`pod-${index}`, `10.210.${index}.2`)));
    for (const [at, machine] of nodes.entries()) {
      const pod = pods[at] ?? outside;
      await wire(switchboard, machine, `node-${at}`);
      await machine.sh(`ip link add cbr0 type bridge; ip addr add 10.210.${at + 1}.1/24 dev cbr0; ip link set cbr0 up
        ip link add pod type veth peer name eth0 netns ${pod.name}; ip link set pod master cbr0 up
        sysctl -qw net.ipv4.ip_forward=1; iptables -P FORWARD DROP`);
      await pod.sh(`ip addr add ${pod.address}/24 dev eth0; ip link set eth0 up; ip route add default via 10.210.${at + 1}.1`);
      await pod.call('serveTcp', `pod-${at + 1}`, 8080);
    }
    await outside.call('serveTcp', 'outside', 8080);
    for (const [at, machine] of nodes.entries()) {
      const deps = { nodes: source, clock: new SystemClock(), logger: silentLogger, run: machine.run };
      const agent = new PodRoutes(deps, { nodeName: `node-${at + 1}`, clusterCidrs: ['10.210.0.0/16'], resyncMs: 1000 });
      agents.push(agent);
      void agent.start(new AbortController().signal);
    }
    source.sync(...NODES.map((index) => node(index)));
  });
  afterAll(async () => {
    for (const agent of agents) await agent.stop();
    for (const machine of machines) await machine[Symbol.asyncDispose]();
  });

  it('connects pods of different nodes, under their own addresses', async () => {
    const [one, , three] = pods;

    await expect.poll(() => one?.tcp('10.210.3.2', 8080)).toBe('pod-3 10.210.1.2');
    await expect.poll(() => three?.tcp('10.210.2.2', 8080)).toBe('pod-2 10.210.3.2');
  });

  it('lets pods out of the cluster under the address of their node', async () => {
    await expect.poll(() => pods[1]?.tcp('192.0.2.9', 8080)).toBe('outside 192.0.2.2');
  });

  it('puts back what somebody has removed, and makes nothing twice', async () => {
    const rules = () => nodes[0]?.sh('iptables -t nat -S; iptables -S; ip route show proto 75');
    await expect.poll(rules).toMatch(/-A FORWARD -j KEELSON-PODS[^]*10\.210\.3\.0/);
    const before = await rules();
    await nodes[0]?.sh('ip route del 10.210.2.0/24; iptables -t nat -F');

    await expect.poll(rules).toBe(before);
  });

  it('follows nodes that get another range, and that go', async () => {
    const routes = async () => (await nodes[0]?.sh('ip route show proto 75'))?.match(/^\S+ via \S+/gm);

    source.update(node(2), node(2, '10.210.22.0/24'));
    await expect.poll(routes).toEqual(['10.210.3.0/24 via 192.0.2.3', '10.210.22.0/24 via 192.0.2.2']);
    source.delete(node(3));

    await expect.poll(routes).toEqual(['10.210.22.0/24 via 192.0.2.2']);
  });

  it('removes all of it when it is told to', async () => {
    const [machine] = nodes;
    await agents[0]?.stop();

    await removePodRoutes({ id: 'node-1', ...(machine && { run: machine.run }) });

    expect(await machine?.sh('ip route show proto 75; iptables -t nat -S; iptables -S')).not.toMatch(/KEELSON|via/);
  });
});
