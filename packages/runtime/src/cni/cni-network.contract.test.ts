import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkRequest } from '../pod-network.ts';
import { describePodNetworkContract } from '../testing/pod-network-contract.ts';
import { defaultNetwork } from './default-network.ts';
import { NodeNamespace, noCni } from './testing/node-namespace.ts';

describe.skipIf(noCni)(noCni === undefined ? 'with the plugins of Debian' : `with plugins (LEFT OUT: ${noCni})`, () => {
  describePodNetworkContract('CniNetwork', () => NodeNamespace.make());

  describe('the default network', () => {
    let node: NodeNamespace;
    beforeAll(async () => {
      node = await NodeNamespace.make();
    });
    afterAll(() => node.close());
    const requestFor = async (sandboxId: string): Promise<NetworkRequest> => {
      const pod = { uid: sandboxId, name: sandboxId, namespace: 'default' };
      return { pod, sandboxId, namespacePath: await node.makeNamespace(sandboxId), portMappings: [] };
    };

    it('lets pods reach the node and each other, and maps host ports for as long as their pod is there', async () => {
      const network = await node.open();
      const pod = { uid: 'u', name: 'web', namespace: 'default' };
      const serverPath = await node.makeNamespace('server');
      const clientPath = await node.makeNamespace('client');
      const portMappings = [{ protocol: 'TCP', containerPort: 80, hostPort: 8080 }] as const;
      const server = await network.add({ pod, sandboxId: 'server', namespacePath: serverPath, portMappings });
      const client = await network.add({ pod, sandboxId: 'client', namespacePath: clientPath, portMappings: [] });
      const ping = (path: string, address = '') => node.output(['busybox', 'ping', '-c', '1', '-W', '60', address], path);

      await ping(clientPath, server.ips[0]);
      await ping(clientPath, '10.99.1.1');
      const rules = await node.output(['iptables', '-t', 'nat', '-S']);
      await network.remove('server');
      const later = await node.output(['iptables', '-t', 'nat', '-S']);

      expect(server.ips).not.toEqual(client.ips);
      expect(rules).toContain(`--dport 8080 -j DNAT --to-destination ${server.ips[0]}:80`);
      expect(later).not.toContain('8080');
    });

    it('needs no plugins, unless a pod has host ports', async () => {
      const network = await node.open({ pluginDirs: ['/nowhere'] });
      const request = await requestFor('without');

      const { ips } = await network.add(request);

      expect(await node.addressesIn(request.namespacePath, 'eth0')).toEqual(ips);
      await network.check('without');
      await network.remove('without');
    });

    it('gives addresses of both families, also in a namespace that was made without IPv6', async () => {
      const network = await node.open();
      await network.setPodCidrs(['10.99.2.0/24', 'fd00:99:2::/64']);
      const request = await requestFor('both');
      const off = 'for each in all default lo; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done';
      await node.output(['sh', '-c', off], request.namespacePath);

      const { ips } = await network.add(request);

      expect(ips).toEqual(['10.99.2.2', 'fd00:99:2::2']);
      const shown = await node.output(['ip', '-6', 'route'], request.namespacePath);
      expect(shown).toContain('default via fd00:99:2::1 dev eth0');
      await network.check('both');
      await network.remove('both');
    });

    it('follows a node whose range has changed', async () => {
      const network = await node.open();
      await network.setPodCidrs(['10.99.3.0/24']);

      const { ips } = await network.add(await requestFor('later'));

      expect(ips).toEqual(['10.99.3.2']);
      expect(await node.addressesIn(await node.makeNamespace('node'), 'cni0')).toEqual(['10.99.3.1']);
      await network.remove('later');
    });

    it('makes its bridge anew if somebody has taken it away', async () => {
      const network = await node.open();
      await network.add(await requestFor('one'));
      await node.output(['ip', 'link', 'del', 'cni0']);

      const requests = await Promise.all(['two', 'three'].map(requestFor));
      const attachments = await Promise.all(requests.map((request) => network.add(request)));

      const path = requests[0]?.namespacePath ?? '';
      await node.output(['busybox', 'ping', '-c', '1', '-W', '60', attachments[1]?.ips[0] ?? ''], path);
      await Promise.all(['one', 'two', 'three'].map((id) => network.remove(id)));
    });

    it('knows pods that were attached by the plugins which it stands for', async () => {
      const stateDir = join(node.directory, 'shared');
      const configDir = join(node.directory, 'by-plugins');
      const byPlugins = defaultNetwork({ podCidrs: ['10.99.1.0/29'], stateDir, bridge: 'cni0', hostPorts: false });
      await mkdir(configDir);
      await writeFile(join(configDir, '10.conflist'), JSON.stringify(byPlugins));
      const old = await (await node.open({ stateDir, configDir })).add(await requestFor('old'));

      const network = await node.open({ stateDir });
      const others = [];
      for (const id of ['a', 'b', 'c', 'd']) others.push(...(await network.add(await requestFor(id))).ips);
      await network.remove('old');
      const last = await network.add(await requestFor('e'));

      expect(others).not.toContain(old.ips[0]);
      expect(last.ips).toEqual(old.ips);
      await network.retain(async () => new Set());
    });
  });
});
