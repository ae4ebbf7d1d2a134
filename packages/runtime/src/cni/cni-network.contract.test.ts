import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describePodNetworkContract } from '../testing/pod-network-contract.ts';
import { NodeNamespace, noCni } from './testing/node-namespace.ts';

describe.skipIf(noCni)(noCni === undefined ? 'with the plugins of Debian' : `with plugins (LEFT OUT: ${noCni})`, () => {
  describePodNetworkContract('CniNetwork', () => NodeNamespace.make());

  describe('the default network', () => {
    let node: NodeNamespace;
    beforeAll(async () => {
      node = await NodeNamespace.make();
    });
    afterAll(() => node.close());

    it('lets pods reach the node and each other, and maps host ports for as long as their pod is there', async () => {
      const network = await node.open();
      const pod = { uid: 'u', name: 'web', namespace: 'default' };
      const serverPath = await node.makeNamespace('server');
      const clientPath = await node.makeNamespace('client');
      const portMappings = [{ protocol: 'TCP', containerPort: 80, hostPort: 8080 }] as const;
      const server = await network.add({ pod, sandboxId: 'server', namespacePath: serverPath, portMappings });
      const client = await network.add({ pod, sandboxId: 'client', namespacePath: clientPath, portMappings: [] });
      const ping = (path: string, address = '') => node.output(['busybox', 'ping', '-c', '1', '-W', '5', address], path);

      await ping(clientPath, server.ips[0]);
      await ping(clientPath, '10.99.1.1');
      const rules = await node.output(['iptables', '-t', 'nat', '-S']);
      await network.remove('server');
      const later = await node.output(['iptables', '-t', 'nat', '-S']);

      expect(server.ips).not.toEqual(client.ips);
      expect(rules).toContain(`--dport 8080 -j DNAT --to-destination ${server.ips[0]}:80`);
      expect(later).not.toContain('8080');
    });
  });
});
