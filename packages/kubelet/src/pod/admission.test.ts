import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '@keelson/api/core/v1';
import { admit } from './admission.ts';

const NODE = {
  metadata: { name: 'n1', labels: { disk: 'ssd' } },
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3' } },
};

function pod(spec: Partial<PodSpec>): Pod {
  return { spec: { containers: [{ name: 'web' }], ...spec } };
}

function onPort(hostPort: number, hostIP?: string, protocol?: string): Pod {
  const port = { containerPort: 80, hostPort, ...(hostIP && { hostIP }), ...(protocol && { protocol }) };
  return pod({ containers: [{ name: 'web', ports: [port] }] });
}

function affinity(key: 'matchFields' | 'matchExpressions', name: string, value: string): Pod {
  const requirement = { key: name, operator: 'In', values: [value] };
  const required = { nodeSelectorTerms: [{ [key]: [requirement] }] };
  return pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } });
}

describe('admit', () => {
  it.each<{ title: string; pod: Pod; others?: Pod[]; reason?: string }>([
    { title: 'a pod without wishes', pod: pod({}) },
    { title: 'a node selector that matches', pod: pod({ nodeSelector: { disk: 'ssd' } }) },
    { title: 'a node selector that does not match', pod: pod({ nodeSelector: { disk: 'hdd' } }), reason: 'NodeAffinity' },
    { title: 'affinity to the node by name', pod: affinity('matchFields', 'metadata.name', 'n1') },
    { title: 'affinity to another node by name', pod: affinity('matchFields', 'metadata.name', 'n2'), reason: 'NodeAffinity' },
    { title: 'affinity to another label', pod: affinity('matchExpressions', 'disk', 'hdd'), reason: 'NodeAffinity' },
    { title: 'a port that is free', pod: onPort(80), others: [onPort(81)] },
    { title: 'a port that is taken', pod: onPort(80), others: [onPort(80)], reason: 'NodePorts' },
    { title: 'a port of another protocol', pod: onPort(80), others: [onPort(80, undefined, 'UDP')] },
    { title: 'a port of another address', pod: onPort(80, '10.0.0.1'), others: [onPort(80, '10.0.0.2')] },
    { title: 'a port that is taken on all addresses', pod: onPort(80, '10.0.0.1'), others: [onPort(80)], reason: 'NodePorts' },
    { title: 'one pod too many', pod: pod({}), others: [pod({}), pod({}), pod({})], reason: 'OutOfpods' },
    {
      title: 'more memory than is left',
      pod: pod({ containers: [{ name: 'web', resources: { requests: { memory: '600Mi' } } }] }),
      others: [pod({ containers: [{ name: 'web', resources: { requests: { memory: '600Mi' } } }] })],
      reason: 'OutOfmemory',
    },
  ])('judges $title', ({ pod: wanted, others = [], reason }) => {
    expect(admit(wanted, NODE, others)?.reason).toBe(reason);
  });

  it('says why in the words of the predicate', () => {
    expect(admit(onPort(80), NODE, [onPort(80)])?.message).toBe(
      "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    );
  });
});
