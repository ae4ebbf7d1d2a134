import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { detectProxyMode } from './detect-proxy-mode.ts';
import { FakeNode } from './test-support/fake-node.ts';

const RESTORE = 'iptables-nft-restore -w 5 --noflush';

describe('detectProxyMode', () => {
  it.each([
    { title: 'nftables for root', node: new FakeNode(), isRoot: true, mode: 'nftables', reason: /works/ },
    { title: 'iptables without nft', node: new FakeNode().without('nft'), isRoot: true, mode: 'iptables', reason: /works/ },
    {
      title: 'iptables where it drops what is forwarded',
      node: new FakeNode().answer('iptables-nft -S FORWARD', { stdout: '-P FORWARD DROP\n' }),
      isRoot: true,
      mode: 'iptables',
      reason: /drops/,
    },
    { title: 'userspace for others', node: new FakeNode(), isRoot: false, mode: 'userspace', reason: /need root/ },
    {
      title: 'userspace without iptables',
      node: new FakeNode().without('nft', 'iptables', 'iptables-nft', 'iptables-legacy'),
      isRoot: true,
      mode: 'userspace',
      reason: /no program/,
    },
    {
      title: 'userspace where the kernel does not take the rules',
      node: new FakeNode().without('nft').answer(RESTORE, { code: 4, stderr: 'RULE_APPEND failed (Operation not permitted)' }),
      isRoot: true,
      mode: 'userspace',
      reason: /not permitted/,
    },
    {
      title: 'userspace where iptables hangs',
      node: new FakeNode().without('nft').answer(RESTORE, new KeelsonError('Timeout', 'it did not end in time')),
      isRoot: true,
      mode: 'userspace',
      reason: /in time/,
    },
  ])('is $title, and says why', async ({ node, isRoot, mode, reason }) => {
    expect(await detectProxyMode({ run: node.run, isRoot })).toEqual({ mode, reason: expect.stringMatching(reason) });
  });
});
