import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CommandRunner } from '../command-runner.ts';
import type { ServicePort } from '../service-map.ts';
import { labObstacle, NetworkLab } from '../testing/network-lab.ts';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { onlyIptables } from '../testing/subjects.ts';
import { IptablesMode } from './iptables-mode.ts';

const obstacle = await labObstacle('iptables-nft', 'iptables-legacy', 'conntrack');
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

const VIP = '10.96.0.10';
const NODE_PORT = 30_080;
const A = '10.200.1.2:8080';
const B = '10.200.1.3:8080';

describe.skipIf(obstacle !== '').each(['nft', 'legacy'] as const)(
  `IptablesMode, on real packets by iptables-%s${obstacle && ` (left out: ${obstacle})`}`,
  (variant) => {
    let lab: NetworkLab;
    let run: CommandRunner;
    let mode: IptablesMode;

    beforeAll(async () => {
      lab = await NetworkLab.open();
      run = onlyIptables(variant, lab.node.run);
      mode = new IptablesMode({ run }, { clusterCIDR: '10.200.0.0/16' });
    });
    afterEach(() => mode.cleanup());
    afterAll(() => lab[Symbol.asyncDispose]());

    const serve = (...ports: readonly Parameters<typeof servicePort>[0][]) =>
      mode.sync(mapOf(...ports.map((one) => servicePort(one))));

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
      const sctp = servicePort({
        key: 'default/sctp',
        clusterIPs: ['10.96.0.14'],
        protocol: 'SCTP',
        nodePort: 30_083,
        endpoints: [A, B],
      });
      const map = mapOf(port, refused, three, local, sctp);
      await mode.sync(map);

      expect(await mode.sync(map, { full: true })).toEqual({ changed: false, problems: [] });
      expect(await new IptablesMode({ run }, { clusterCIDR: '10.200.0.0/16' }).sync(map)).toEqual({
        changed: false,
        problems: [],
      });
    });

    it('serves a node port on 127.0.0.1, whatever the policy', async () => {
      await serve({ endpoints: [B], nodePort: NODE_PORT, externalTrafficPolicy: 'Local' });

      expect(await lab.node.tcp('127.0.0.1', NODE_PORT)).toBe('b 10.200.1.1');
      await mode.cleanup();

      expect(await lab.node.sh('sysctl -n net.ipv4.conf.all.route_localnet')).toBe('0\n');
    });

    it('serves a node port only on the addresses that it is told', async () => {
      const narrow = new IptablesMode({ run }, { nodePortAddresses: ['192.0.2.0/24'] });
      await narrow.sync(mapOf(servicePort({ endpoints: [B], nodePort: NODE_PORT })));

      expect(await lab.outside.tcp('192.0.2.1', NODE_PORT)).toBe('b 10.200.1.1');
      expect(await lab.podA.tcp('10.200.1.1', NODE_PORT)).toBe('ECONNREFUSED');
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
  },
);
