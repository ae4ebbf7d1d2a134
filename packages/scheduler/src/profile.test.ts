import type { Node, Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { SKIP, type Plugin, type Snapshot } from './framework.ts';
import { NodeInfo } from './node-info.ts';
import { nodeResourcesFit } from './plugins/node-resources.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { Profile } from './profile.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
};
const node = (name: string, cpu = '4', spec: Node['spec'] = {}): NodeInfo =>
  new NodeInfo(name, { metadata: { name }, spec, status: { allocatable: { cpu, pods: '110' } } });
const snapshotOf = (nodes: readonly NodeInfo[]): Snapshot => ({
  nodes,
  node: (name) => nodes.find((each) => each.name === name),
});
const likes = (name: string, weight = 1): Plugin => ({
  name: `Likes${name}`,
  weight,
  score: (_state, _pod, on) => (on.name === name ? 100 : 0),
});

describe('Profile', () => {
  it('places on the node with the highest weighted score', () => {
    const profile = new Profile('default-scheduler', [nodeResourcesFit, likes('a', 2), likes('b', 30)]);

    expect(profile.place(pod, snapshotOf([node('a'), node('b'), node('c')]))).toMatchObject({ type: 'placed', nodeName: 'b' });
  });

  it('says of all nodes why they do not fit', () => {
    const profile = new Profile('default-scheduler', [nodeUnschedulable, nodeResourcesFit]);
    const nodes = [node('a', '500m'), node('b', '500m'), node('c', '4', { unschedulable: true })];

    const placement = profile.place(pod, snapshotOf(nodes));

    expect(placement).toMatchObject({
      type: 'unschedulable',
      message: '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.',
    });
  });

  it('counts everything that a node lacks', () => {
    const requests = { cpu: '1', memory: '1Gi', 'example.com/gpu': '1' };
    const greedy = { ...pod, spec: { containers: [{ name: 'c', resources: { requests } }] } };

    expect(new Profile('x', [nodeResourcesFit]).place(greedy, snapshotOf([node('a', '500m'), node('b')]))).toMatchObject({
      message: '0/2 nodes are available: 1 Insufficient cpu, 2 Insufficient example.com/gpu, 2 Insufficient memory.',
    });
  });

  it('has a message for a cluster without nodes', () => {
    expect(new Profile('x', []).place(pod, snapshotOf([]))).toMatchObject({ message: 'no nodes available to schedule pods' });
  });

  it('stops at a plugin that refuses for all nodes', () => {
    const never: Plugin = { name: 'Never', preFilter: () => ({ reason: 'not today', preemptable: false }) };

    expect(new Profile('x', [never]).place(pod, snapshotOf([node('a')]))).toMatchObject({
      message: '0/1 nodes are available: not today.',
    });
  });

  it('does not ask a plugin about nodes if it has said that the pod is nothing to it', () => {
    const asked: string[] = [];
    const idle: Plugin = {
      name: 'Idle',
      preFilter: () => SKIP,
      filter: () => ({ reason: 'asked after all', preemptable: false }),
      preScore: () => SKIP,
      score: (_state, _pod, on) => asked.push(on.name),
    };

    const placement = new Profile('x', [idle, likes('b')]).place(pod, snapshotOf([node('a'), node('b')]));

    expect(placement).toMatchObject({ type: 'placed', nodeName: 'b' });
    expect(asked).toEqual([]);
  });

  it('looks at a share of a large cluster, and at other nodes the next time', () => {
    const nodes = Array.from({ length: 1_000 }, (_, at) => node(`n${at}`));
    const seen = new Set<string>();
    const spy: Plugin = {
      name: 'Spy',
      filter: (_state, _pod, on) => {
        seen.add(on.name);
        return undefined;
      },
    };
    const profile = new Profile('x', [spy]);

    expect(profile.place(pod, snapshotOf(nodes))).toMatchObject({ feasible: 420, evaluated: 420 });
    profile.place(pod, snapshotOf(nodes));
    profile.place(pod, snapshotOf(nodes));

    expect(seen.size).toBe(1_000);
  });

  it('spreads ties at random', () => {
    const chosen = [0, 0.99].map((value) => new Profile('x', [], () => value).place(pod, snapshotOf([node('a'), node('b')])));

    expect(chosen).toMatchObject([{ nodeName: 'a' }, { nodeName: 'b' }]);
  });
});
