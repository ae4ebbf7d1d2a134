import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { NodeInfo } from '../node-info.ts';
import { Profile } from '../profile.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

const node = (name: string, zone?: string): NodeInfo =>
  new NodeInfo(name, {
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }) },
    },
  });

function pod(name: string, kind = 'StatefulSet', uid = 'set-1', more: Pod['metadata'] = {}): Pod {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind, name: 'set', uid, controller: true }];
  return { metadata: { ...more, name, namespace: 'default', ownerReferences }, spec: { containers: [] } };
}

/** Where pods end up one after the other, if nothing but spreading counts. */
function places(nodes: readonly NodeInfo[], pods: readonly Pod[]): string[] {
  const profile = new Profile('x', [podTopologySpread], () => 0);
  const snapshot = { nodes, node: (name: string) => nodes.find((each) => each.name === name) };
  return pods.map((each) => {
    const placement = profile.place(each, snapshot);
    const name = placement.type === 'placed' ? placement.nodeName : '';
    snapshot.node(name)?.addPod(each);
    return name;
  });
}

describe('spreading by default', () => {
  it.each(['StatefulSet', 'ReplicaSet', 'ReplicationController'])('puts the pods of a %s on different nodes', (kind) => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => pod(name, kind));

    expect(places([node('n1'), node('n2'), node('n3'), node('n4')], pods).toSorted()).toEqual(['n1', 'n2', 'n3', 'n4']);
  });

  it('minds zones too', () => {
    const [first, second] = places([node('n1', 'a'), node('n2', 'a'), node('n3', 'b')], [pod('a'), pod('b')]);

    expect([first, second]).toEqual(['n1', 'n3']);
  });

  it('takes nodes without a zone for what they are', () => {
    expect(places([node('n1', 'a'), node('n2')], [pod('a'), pod('b')]).toSorted()).toEqual(['n1', 'n2']);
  });

  it('counts neither pods of others nor those that are going', () => {
    const n1 = node('n1');
    n1.addPod(pod('other', 'StatefulSet', 'set-2'));
    n1.addPod(pod('going', 'StatefulSet', 'set-1', { deletionTimestamp: '2026-01-01T00:00:00Z' }));

    expect(places([n1, node('n2')], [pod('a')])).toEqual(['n1']);
  });

  it('forgets a pod that starts to go', () => {
    const n1 = node('n1');
    n1.addPod(pod('a'));
    expect(n1.countOf('set-1')).toBe(1);

    n1.addPod(pod('a', 'StatefulSet', 'set-1', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(n1.countOf('set-1')).toBe(0);
    n1.removePod(pod('a'));

    expect(n1.countOf('set-1')).toBe(0);
  });

  it('leaves pods alone that say how they are spread, and those of other kinds', () => {
    const constraints = [{ maxSkew: 1, topologyKey: 'none', whenUnsatisfiable: 'ScheduleAnyway' }];
    const own = { ...pod('b'), spec: { containers: [], topologySpreadConstraints: constraints } };

    expect(places([node('n1'), node('n2')], [pod('a'), own])).toEqual(['n1', 'n1']);
    expect(places([node('n1'), node('n2')], [pod('a', 'Job'), pod('b', 'Job')])).toEqual(['n1', 'n1']);
  });
});
