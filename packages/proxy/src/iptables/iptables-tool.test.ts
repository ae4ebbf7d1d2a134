import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { FakeNode } from '../test-support/fake-node.ts';
import { findIptables, findUsedIptables } from './iptables-tool.ts';

const LEGACY_TABLES = 'cat /proc/net/ip_tables_names';
const RULES = { stdout: '*filter\n-A INPUT -j ACCEPT\n-A OUTPUT -j ACCEPT\nCOMMIT\n' };
const chosen = async (node: FakeNode) => (await findIptables(node.run, 'IPv4')).program;

describe('findIptables', () => {
  it.each([
    { title: 'takes the only variant', node: () => new FakeNode().without('iptables-nft'), program: 'iptables-legacy' },
    { title: 'takes the other only variant', node: () => new FakeNode().without('iptables-legacy'), program: 'iptables-nft' },
    { title: 'takes plain iptables', node: () => new FakeNode().without('iptables-nft', 'iptables-legacy'), program: 'iptables' },
    { title: 'goes by the system without any rules', node: () => new FakeNode(), program: 'iptables-nft' },
    {
      title: 'goes by the system, legacy',
      node: () => new FakeNode().answer('iptables --version', { stdout: 'iptables v1.8.9 (legacy)' }),
      program: 'iptables-legacy',
    },
    {
      title: 'goes where the rules are, nft',
      node: () => new FakeNode().answer('iptables --version', { stdout: '(legacy)' }).answer('iptables-nft-save', RULES),
      program: 'iptables-nft',
    },
    {
      title: 'goes where the rules are, legacy',
      node: () => new FakeNode().answer(LEGACY_TABLES, { stdout: 'filter\n' }).answer('iptables-legacy-save', RULES),
      program: 'iptables-legacy',
    },
  ])('$title', async ({ node, program }) => {
    expect(await chosen(node())).toBe(program);
  });

  it('does not look into legacy tables that are not there, since that makes them', async () => {
    const node = new FakeNode();

    await chosen(node);
    await findUsedIptables(node.run, 'IPv4');

    expect(node.lines.filter((line) => line.startsWith('iptables-legacy-save'))).toEqual([]);
  });

  it('says so when there is none, or none that works', async () => {
    const none = new FakeNode().without('iptables', 'iptables-nft', 'iptables-legacy');
    const hanging = new FakeNode().answer('iptables-nft --version', new KeelsonError('Timeout', 'it did not end in time'));

    await expect(chosen(none)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    await expect(chosen(hanging)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it('uses the programs for IPv6', async () => {
    expect((await findIptables(new FakeNode().run, 'IPv6')).program).toBe('ip6tables-nft');
  });
});
