import type { Node } from '@keelson/api/core/v1';
import type { Endpoint } from '@keelson/api/discovery/v1';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZONE_LABEL, type DesiredEndpoints } from './desired-endpoints.ts';
import { wantsZoneHints, withZoneHints } from './zone-hints.ts';

interface NodeWish {
  readonly cpu?: string;
  readonly labels?: Record<string, string>;
  readonly ready?: 'True' | 'False';
}

const node = (zone: string | undefined, { cpu = '4', labels = {}, ready = 'True' }: NodeWish = {}): Node => ({
  metadata: { name: 'n', labels: { ...(zone !== undefined && { [ZONE_LABEL]: zone }), ...labels } },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] },
});

/** So many ready endpoints in each zone. */
function endpoints(sizes: Readonly<Record<string, number>>, more: readonly Endpoint[] = []): DesiredEndpoints {
  const inZones = Object.entries(sizes).flatMap(([zone, size]) =>
    Array.from({ length: size }, (): Endpoint => ({ addresses: [], conditions: { ready: true }, zone })),
  );
  const all = [...inZones, ...more].map((endpoint, at): [string, Endpoint] => [String(at), endpoint]);
  return new Map([['', { ports: [], endpoints: new Map(all) }]]);
}

const listOf = (desired: DesiredEndpoints): Endpoint[] => [...(desired.get('')?.endpoints.values() ?? [])];

/** `a a>b`: an endpoint of zone a for a, and one for b. */
function hintsOf(desired: DesiredEndpoints, nodes: readonly Node[]): string {
  const told = listOf(withZoneHints(desired, nodes).desired).map(({ zone, hints }) => {
    const [hint] = hints?.forZones ?? [];
    return hint === undefined ? '-' : hint.name === zone ? zone : `${zone}>${hint.name}`;
  });
  return told.join(' ');
}

describe('zone hints', () => {
  it.each([
    { title: 'leaves endpoints to their zones where they are even', sizes: { a: 1, b: 1 }, zones: ['a', 'b'], want: 'a b' },
    { title: 'gives to zones that have none', sizes: { a: 4, b: 0 }, zones: ['a', 'b'], want: 'a a a>b a>b' },
    { title: 'lets a little unevenness be', sizes: { a: 3, b: 2, c: 2 }, zones: ['a', 'b', 'c'], want: 'a a a b b c c' },
    { title: 'shares out by CPUs', sizes: { a: 3, b: 3 }, zones: ['a', 'a', 'b'], want: 'a a a b b b>a' },
    { title: 'gives to several zones', sizes: { a: 6 }, zones: ['a', 'b', 'c'], want: 'a a a>c a>b a>c a>b' },
  ])('$title', ({ sizes, zones, want }) => {
    const filled = Object.fromEntries(Object.entries(sizes).map(([zone, size]) => [zone, size ?? 0]));

    expect(
      hintsOf(
        endpoints(filled),
        zones.map((zone) => node(zone)),
      ),
    ).toBe(want);
  });

  const NODES = [node('a'), node('b')];
  it.each([
    { title: 'there is one zone', nodes: [node('a')], sizes: { a: 4 }, reason: 'Nodes only ready in one zone' },
    { title: 'a node has no zone', nodes: [...NODES, node(undefined)], sizes: { a: 4 }, reason: 'Insufficient Node information' },
    {
      title: 'a node has no CPUs',
      nodes: [...NODES, node('a', { cpu: '0' })],
      sizes: { a: 4 },
      reason: 'Insufficient Node information',
    },
    {
      title: 'there are fewer endpoints than zones',
      nodes: NODES,
      sizes: { a: 1 },
      reason: 'Insufficient number of endpoints (1)',
    },
    {
      title: 'somebody would get too much',
      nodes: [node('a'), node('b'), node('c', { cpu: '1' })],
      sizes: { a: 3 },
      reason: 'Unable to allocate minimum required endpoints',
    },
  ])('are left out if $title', ({ nodes, sizes, reason }) => {
    const result = withZoneHints(endpoints(sizes as Record<string, number>), nodes);

    expect(result).toMatchObject({ isHinted: false, reason: expect.stringContaining(reason) });
    expect(listOf(result.desired).some(({ hints }) => hints !== undefined)).toBe(false);
  });

  it('are left out if it is not known where an endpoint is', () => {
    const desired = endpoints({ a: 2, b: 2 }, [{ addresses: [], conditions: { ready: true } }]);

    expect(withZoneHints(desired, NODES)).toMatchObject({ isHinted: false });
  });

  it('are for ready endpoints, and count ready nodes that pods run on', () => {
    const desired = endpoints({ a: 1, b: 1 }, [{ addresses: [], conditions: { ready: false }, zone: 'a' }]);
    const others = [node('c', { ready: 'False' }), node('c', { labels: { 'node-role.kubernetes.io/control-plane': '' } })];

    expect(hintsOf(desired, [...NODES, ...others])).toBe('a b -');
  });

  it('are for one zone each, and never leave one zone with too many while another lacks some', () => {
    const zones = fc.array(fc.record({ cpu: fc.integer({ min: 1, max: 64 }), size: fc.nat(20) }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(zones, (wishes) => {
        const nodes = wishes.map(({ cpu }, at) => node(`z${at}`, { cpu: String(cpu) }));
        const result = withZoneHints(endpoints(Object.fromEntries(wishes.map(({ size }, at) => [`z${at}`, size]))), nodes);
        if (!result.isHinted) return;
        const hints = listOf(result.desired).map((endpoint) => endpoint.hints?.forZones?.[0]?.name);
        const cpus = wishes.reduce((sum, { cpu }) => sum + cpu, 0);
        const surpluses = wishes.map(
          ({ cpu }, at) => hints.filter((zone) => zone === `z${at}`).length - (cpu / cpus) * hints.length,
        );

        expect(hints.every((zone) => zone !== undefined)).toBe(true);
        expect(Math.max(...surpluses) >= 2 && Math.min(...surpluses) <= -1).toBe(false);
      }),
    );
  });
});

it.each([
  [{ 'service.kubernetes.io/topology-mode': 'Auto' }, true],
  [{ 'service.kubernetes.io/topology-aware-hints': 'auto' }, true],
  [{ 'service.kubernetes.io/topology-mode': 'Disabled' }, false],
  [{}, false],
])('a Service with %j wants them: %s', (annotations, wants) => {
  expect(wantsZoneHints({ metadata: { annotations } })).toBe(wants);
});
