import type { Node } from '@keelson/api/core/v1';
import { expect, it } from 'vitest';
import { planFor } from './desired-routes.ts';

const node = (name: string, podCIDRs: string[], ...addresses: string[]): Node => ({
  metadata: { name },
  spec: { podCIDRs },
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
});

it('goes to each range by the address of its family, and needs no route to its own', () => {
  const nodes = [
    node('me', ['10.1.0.0/24'], '192.0.2.1'),
    node('b', ['10.3.0.0/24', 'fd00:3::/64'], '192.0.2.3', 'fd00::3'),
    node('a', ['10.2.0.0/24', 'fd00:2::/64'], '192.0.2.2'),
  ];

  expect(planFor('me', nodes, new Set(['192.0.2.1']))).toEqual({
    ownCidrs: ['10.1.0.0/24'],
    routes: [
      { range: '10.2.0.0/24', via: '192.0.2.2' },
      { range: '10.3.0.0/24', via: '192.0.2.3' },
      { range: 'fd00:3::/64', via: 'fd00::3' },
    ],
  });
});

it('needs no route to nodes on the same machine, nor to those without a range or an address', () => {
  const nodes = [node('here', ['10.2.0.0/24'], '192.0.2.1'), node('new', [], '192.0.2.3'), node('lost', ['10.4.0.0/24'])];

  expect(planFor('me', nodes, new Set(['192.0.2.1']))).toEqual({ ownCidrs: [], routes: [] });
});

it('reads the old field for one range', () => {
  const old: Node = { ...node('old', [], '192.0.2.2'), spec: { podCIDR: '10.2.0.0/24' } };

  expect(planFor('me', [old], new Set()).routes).toEqual([{ range: '10.2.0.0/24', via: '192.0.2.2' }]);
});
