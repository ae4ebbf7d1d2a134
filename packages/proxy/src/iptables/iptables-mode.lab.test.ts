import { KeelsonError } from '@keelson/base';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CommandRunner } from '../command-runner.ts';
import type { ServicePort } from '../service-map.ts';
import { detectProxyMode } from '../detect-proxy-mode.ts';
import { labObstacle, NetworkLab } from '../test-support/network-lab.ts';
import { mapOf, servicePort } from '../test-support/objects.ts';
import { IptablesMode } from './iptables-mode.ts';

const obstacle = await labObstacle('iptables-nft', 'iptables-legacy', 'conntrack');
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

const VIP = '10.96.0.10';
const NODE_PORT = 30_080;
const A = '10.200.1.2:8080';
const B = '10.200.1.3:8080';
const OUTSIDE = '192.0.2.2';

/** A runner that knows only one variant of iptables. */
function only(variant: 'nft' | 'legacy', run: CommandRunner): CommandRunner {
  const other = variant === 'nft' ? 'iptables-legacy' : 'iptables-nft';
  return (command) => {
    if (command.file.startsWith(other)) return Promise.reject(new KeelsonError('NotFound', 'left out by the test'));
    return run(command);
  };
}

describe.skipIf(obstacle !== '').each(['nft', 'legacy'] as const)(
  `IptablesMode, on real packets by iptables-%s${obstacle && ` (left out: ${obstacle})`}`,
  (variant) => {
    let lab: NetworkLab;
    let run: CommandRunner;
    let mode: IptablesMode;

    beforeAll(async () => {
      lab = await NetworkLab.open();
      run = only(variant, lab.node.run);
      mode = new IptablesMode({ run }, { clusterCIDR: '10.200.0.0/16' });
    });
    afterEach(() => mode.cleanup());
    afterAll(() => lab[Symbol.asyncDispose]());

    const save = (table: string) => lab.node.sh(`iptables-${variant}-save -t ${table}`);
    const serve = (...ports: readonly Parameters<typeof servicePort>[0][]) =>
      mode.sync(mapOf(...ports.map((one) => servicePort(one))));
    const askOften = async (ask: () => Promise<string>) => {
      const answers = new Set<string>();
      for (let round = 0; round < 24; round++) answers.add(await ask());
      return [...answers].sort();
    };

    it('balances what the node and pods send to a cluster IP, and keeps the address of pods', async () => {
      expect(await serve({ endpoints: [A, B] })).toEqual({ changed: true, problems: [] });

      expect(await askOften(() => lab.node.tcp(VIP, 80))).toEqual([`a 10.200.1.1`, `b 10.200.1.1`]);
      expect(await askOften(() => lab.podA.tcp(VIP, 80))).toContain('b 10.200.1.2');
    });

    it('lets a pod reach itself', async () => {
      await serve({ endpoints: [A] });

      expect(await lab.podA.tcp(VIP, 80)).toBe('a 10.200.1.1');
      expect(await lab.podB.tcp(VIP, 80)).toBe('a 10.200.1.3');
    });

    it('says that all is as it should be when it looks again', async () => {
      const port = servicePort({
        endpoints: [A, B],
        local: [A],
        nodePort: NODE_PORT,
        affinitySeconds: 60,
        externalIPs: ['198.51.100.1'],
        loadBalancerIPs: ['198.51.100.2'],
        loadBalancerSourceRanges: ['10.1.2.3/8', '0.0.0.0/0'],
      });
      const refused = servicePort({ key: 'default/none', clusterIPs: ['10.96.0.11'], nodePort: 30_081, protocol: 'UDP' });
      const three = servicePort({
        key: 'default/three',
        clusterIPs: ['10.96.0.12'],
        endpoints: [A, B, '10.200.1.4:1', '10.200.1.5:1', '10.200.1.6:1', '10.200.1.7:1', '10.200.1.8:1'],
      });
      const local: ServicePort = {
        ...port,
        key: 'default/local',
        clusterIPs: ['10.96.0.13'],
        nodePort: 30_082,
        externalTrafficPolicy: 'Local',
      };
      const map = mapOf(port, refused, three, local);
      await mode.sync(map);

      expect(await mode.sync(map, { full: true })).toEqual({ changed: false, problems: [] });
      expect(await new IptablesMode({ run }, { clusterCIDR: '10.200.0.0/16' }).sync(map)).toEqual({
        changed: false,
        problems: [],
      });
    });

    it('serves UDP, and forgets flows to endpoints that are gone', async () => {
      const udp = { protocol: 'UDP', port: 53, nodePort: NODE_PORT } as const;
      await serve({ ...udp, endpoints: [A] });
      expect(await lab.podB.udp(5_001, VIP, 53)).toBe('a 10.200.1.3');
      expect(await lab.outside.udp(5_001, '192.0.2.1', NODE_PORT)).toBe('a 10.200.1.1');

      await serve({ ...udp, endpoints: [B] });

      expect(await lab.podA.udp(5_002, VIP, 53)).toBe('b 10.200.1.2');
      expect(await lab.podB.udp(5_001, VIP, 53)).toBe('b 10.200.1.1');
      expect(await lab.outside.udp(5_001, '192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
    });

    it('forgets UDP flows that are older than the first endpoint', async () => {
      const udp = { protocol: 'UDP', port: 53 } as const;
      await mode.sync(mapOf());
      expect(await lab.podA.udp(5_003, VIP, 53, { silence: true })).toBe('TIMEOUT');

      await serve({ ...udp, endpoints: [B] });

      expect(await lab.podA.udp(5_003, VIP, 53)).toBe('b 10.200.1.2');
    });

    it('serves a node port from outside, on the node and on 127.0.0.1', async () => {
      await serve({ endpoints: [B], nodePort: NODE_PORT });

      expect(await lab.outside.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
      expect(await lab.node.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
      expect(await lab.node.tcp('127.0.0.1', NODE_PORT)).toBe('b 10.200.1.1');
      expect(await lab.podA.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
    });

    it('keeps neighbours from what listens on 127.0.0.1 only', async () => {
      await serve({ endpoints: [B], nodePort: NODE_PORT });
      await lab.node.call('serveTcp', 'private', 9_001);
      await lab.outside.sh(
        'ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 192.0.2.1; sysctl -qw net.ipv4.conf.all.route_localnet=1',
      );

      const answer = await lab.outside.tcp('127.0.0.1', 9_001, { silence: true });

      await lab.outside.sh('ip route del 127.0.0.1 via 192.0.2.1; ip addr add 127.0.0.1/8 dev lo');
      expect(answer).toBe('TIMEOUT');
    });

    it('serves a node port only on the addresses that it is told', async () => {
      const narrow = new IptablesMode({ run }, { nodePortAddresses: ['192.0.2.0/24'] });
      await narrow.sync(mapOf(servicePort({ endpoints: [B], nodePort: NODE_PORT })));

      expect(await lab.outside.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
      expect(await lab.podA.tcp('10.200.1.1', NODE_PORT)).toBe('ECONNREFUSED');
    });

    it('keeps a client at one endpoint, by cluster IP and node port alike', async () => {
      await serve({ endpoints: [A, B], affinitySeconds: 60, nodePort: NODE_PORT });

      const [first, ...others] = await askOften(() => lab.node.tcp(VIP, 80));

      expect(others).toEqual([]);
      expect(await askOften(() => lab.node.tcp('192.0.2.1', NODE_PORT))).toHaveLength(1);
      expect(await lab.node.tcp(VIP, 80)).toBe(first);
    });

    it('refuses without endpoints, from inside and outside, over TCP and UDP', async () => {
      await serve({ nodePort: NODE_PORT }, { key: 'u', protocol: 'UDP', port: 53, nodePort: NODE_PORT });

      expect(await lab.node.tcp(VIP, 80)).toBe('ECONNREFUSED');
      expect(await lab.podA.tcp(VIP, 80)).toBe('ECONNREFUSED');
      expect(await lab.outside.tcp('192.0.2.1', NODE_PORT)).toBe('ECONNREFUSED');
    });

    it('drops what may go to local endpoints only, if there is none; the node’s own pods go to all', async () => {
      const policy = { externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' } as const;
      await serve({ ...policy, endpoints: [B], nodePort: NODE_PORT });
      expect(await lab.outside.tcp('192.0.2.1', NODE_PORT, { silence: true })).toBe('TIMEOUT');
      expect(await lab.node.tcp(VIP, 80, { silence: true })).toBe('TIMEOUT');
      expect(await lab.podA.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.2');
      expect(await lab.node.tcp('127.0.0.1', NODE_PORT)).toBe('b 10.200.1.1');

      await serve({ ...policy, endpoints: [A, B], local: [B], nodePort: NODE_PORT });

      await lab.podB.sh('ip route replace default via 10.200.1.1');
      expect(await askOften(() => lab.outside.tcp('192.0.2.1', NODE_PORT))).toEqual([`b ${OUTSIDE}`]);
      expect(await askOften(() => lab.podA.tcp(VIP, 80))).toEqual(['b 10.200.1.2']);
    });

    it('serves external and load balancer addresses, the latter to their source ranges', async () => {
      await lab.outside.sh('ip route replace 198.51.100.0/24 via 192.0.2.1');
      const addresses = { externalIPs: ['198.51.100.1'], loadBalancerIPs: ['198.51.100.2'] };
      await serve({ ...addresses, endpoints: [B], loadBalancerSourceRanges: ['192.0.2.0/24'] });
      expect(await lab.outside.tcp('198.51.100.1', 80)).toBe('b 10.200.1.1');
      expect(await lab.outside.tcp('198.51.100.2', 80)).toBe('b 10.200.1.1');

      await serve({ ...addresses, endpoints: [B], loadBalancerSourceRanges: ['203.0.113.0/24'] });

      expect(await lab.outside.tcp('198.51.100.1', 80)).toBe('b 10.200.1.1');
      expect(await lab.outside.tcp('198.51.100.2', 80, { silence: true })).toBe('TIMEOUT');
    });

    it('lets connections run on when endpoints come and go', async () => {
      await serve({ endpoints: [A] });
      await lab.podB.call('hold', 'one', VIP, 80);

      await serve({ endpoints: [B] });
      expect(await lab.podB.call('askHeld', 'one', 'x', 3_000)).toBe('a 10.200.1.3 x');
      await serve({});

      expect(await lab.podB.call('askHeld', 'one', 'y', 3_000)).toBe('a 10.200.1.3 y');
    });

    it('repairs what someone has taken away or put in, when it looks', async () => {
      const map = mapOf(servicePort({ endpoints: [A] }));
      await mode.sync(map);
      const before = [await save('nat'), await save('filter')].map((text) => text.replaceAll(/\[\d+:\d+\]|^#.*$/gm, ''));
      await lab.node.sh(
        `iptables-${variant} -t nat -F KUBE-SERVICES; iptables-${variant} -t nat -D OUTPUT 1; iptables-${variant} -t filter -A KUBE-FORWARD -j DROP; iptables-${variant} -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA`,
      );
      expect(await mode.sync(mapOf(servicePort({ endpoints: [A] })))).toMatchObject({ changed: false });

      expect(await mode.sync(map, { full: true })).toEqual({ changed: true, problems: [] });

      const after = [await save('nat'), await save('filter')].map((text) => text.replaceAll(/\[\d+:\d+\]|^#.*$/gm, ''));
      expect(after).toEqual(before);
      expect(await lab.podB.tcp(VIP, 80)).toBe('a 10.200.1.3');
    });

    it('takes over from a life that ended between the two tables', async () => {
      const half: CommandRunner = (command) => {
        const natStarts = command.input?.indexOf('*nat') ?? -1;
        if (natStarts < 0) return run(command);
        return run({ ...command, input: command.input?.slice(0, natStarts) ?? '' }).then(() =>
          Promise.reject(new Error('killed')),
        );
      };
      const map = mapOf(servicePort({ endpoints: [A] }));
      await expect(new IptablesMode({ run: half }).sync(map)).rejects.toThrow('killed');

      expect(await mode.sync(map)).toEqual({ changed: true, problems: [] });
      expect(await lab.podB.tcp(VIP, 80)).toBe('a 10.200.1.3');
    });

    it('is what is detected here, and the probe leaves nothing', async () => {
      const before = `${await save('nat')}${await save('filter')}`.match(/^[:-].*/gm);

      expect(await detectProxyMode({ run })).toEqual({ mode: 'iptables', reason: `iptables-${variant} works` });

      const after = `${await save('nat')}${await save('filter')}`.match(/^[:-].*/gm);
      expect(after?.filter((line) => line.includes('PROBE'))).toEqual([]);
      expect(after?.length).toBe(before?.length);
    });

    it('leaves nothing of its own and everything of others when it cleans up', async () => {
      await lab.node.sh(
        `iptables-${variant} -t nat -A OUTPUT -d 203.0.113.1/32 -j RETURN; iptables-${variant} -N KUBE-SOMEONE-ELSE`,
      );
      const tables = async () =>
        `${await save('nat')}${await save('filter')}`.split('\n').filter((line) => /^(?:-A|:KUBE)/.test(line));
      const before = await tables();
      await serve({ endpoints: [A], nodePort: NODE_PORT });
      expect(await tables()).not.toEqual(before);
      expect(await lab.node.sh('sysctl -n net.ipv4.conf.all.route_localnet')).toBe('1\n');

      await new IptablesMode({ run }).cleanup();

      expect(await tables()).toEqual(before);
      expect(await lab.node.sh('sysctl -n net.ipv4.conf.all.route_localnet')).toBe('0\n');
      await lab.node.sh(`iptables-${variant} -t nat -F OUTPUT; iptables-${variant} -X KUBE-SOMEONE-ELSE`);
    });
  },
);
