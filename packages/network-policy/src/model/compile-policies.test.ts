import type { NetworkPolicySpec } from '@keelson/api/networking/v1';
import { describe, expect, it } from 'vitest';
import { namespaceOf, pod, policy } from '../testing/objects.ts';
import { ClusterPods } from './cluster-pods.ts';
import { compilePolicies } from './compile-policies.ts';

const HTTP = [{ name: 'http', containerPort: 8080 }];
const PODS = [
  pod('shop/web', '10.0.0.1', { labels: { app: 'web' }, ports: HTTP }),
  pod('shop/db', '10.0.0.2', { labels: { app: 'db' } }),
  pod('shop/far', '10.0.1.1', { labels: { app: 'web' }, node: 'node-2', ports: [{ name: 'http', containerPort: 80 }] }),
  pod('shop/host', '192.0.2.1', { labels: { app: 'web' }, hostNetwork: true }),
  pod('shop/done', '10.0.0.9', { labels: { app: 'web' }, phase: 'Succeeded' }),
  pod('team/client', '10.0.0.3', { labels: { role: 'client' } }),
];
const NAMESPACES = [namespaceOf('shop'), namespaceOf('team', { project: 'x' })];

const compile = (spec: NetworkPolicySpec) =>
  compilePolicies(
    [policy('shop/p', spec)],
    new ClusterPods({ pods: PODS, namespaces: NAMESPACES, family: 'IPv4', nodeName: 'node-1' }),
    'IPv4',
  );
const WEB = { matchLabels: { app: 'web' } };

describe('compilePolicies', () => {
  it.each([
    { title: 'without types: what comes in', spec: {}, want: [2, 0] },
    { title: 'without types, with egress rules: both', spec: { egress: [{}] }, want: [2, 2] },
    { title: 'only what goes out, if it says so', spec: { policyTypes: ['Egress'], ingress: [{}] }, want: [0, 2] },
    { title: 'both', spec: { policyTypes: ['Ingress', 'Egress'] }, want: [2, 2] },
  ] satisfies { title: string; spec: NetworkPolicySpec; want: unknown }[])(
    'isolates pods of this node: $title',
    ({ spec, want }) => {
      const { isolated } = compile({ podSelector: {}, ...spec });

      expect([isolated.ingress.size, isolated.egress.size]).toEqual(want);
    },
  );

  it('leaves out policies that are for no pod here, pods in the network of the node, and those that are over', () => {
    expect(compile({ podSelector: { matchLabels: { app: 'none' } } }).policies).toEqual([]);
    expect([...compile({ podSelector: WEB }).isolated.ingress.keys()]).toEqual(['10.0.0.1']);
  });

  it.each([
    { title: 'pods of the namespace', peers: [{ podSelector: WEB }], pods: ['10.0.0.1', '10.0.1.1'] },
    { title: 'all pods of namespaces', peers: [{ namespaceSelector: { matchLabels: { project: 'x' } } }], pods: ['10.0.0.3'] },
    {
      title: 'certain pods of namespaces',
      peers: [{ namespaceSelector: {}, podSelector: { matchLabels: { role: 'client' } } }],
      pods: ['10.0.0.3'],
    },
    {
      title: 'one or the other',
      peers: [{ namespaceSelector: { matchLabels: { project: 'x' } } }, { podSelector: { matchLabels: { app: 'db' } } }],
      pods: ['10.0.0.2', '10.0.0.3'],
    },
  ])('knows peers: $title', ({ peers, pods }) => {
    expect(compile({ podSelector: WEB, ingress: [{ from: peers }] }).policies[0]?.rules[0]?.peers).toEqual({ pods, ranges: [] });
  });

  it('lets everybody in by a rule without peers, and nobody without a rule', () => {
    expect(compile({ podSelector: WEB, ingress: [{}] }).policies[0]?.rules).toEqual([{ peers: 'any', ports: 'any' }]);
    expect(compile({ podSelector: WEB, ingress: [] }).policies[0]?.rules).toEqual([]);
  });

  it('knows ports by number, range, protocol and name, and names by the pod that is connected to', () => {
    const ports = [{ port: 80 }, { port: 9_000, endPort: 9_010 }, { protocol: 'UDP' }, { port: 'http' }];
    const spec: NetworkPolicySpec = { podSelector: WEB, ingress: [{ ports }], egress: [{ ports: [{ port: 'http' }] }] };
    const [ingress, egress] = compile(spec).policies;

    expect(ingress?.rules[0]?.ports).toEqual({
      numbers: new Map<string, unknown>([
        ['tcp', ['80', '9000-9010']],
        ['udp', 'any'],
      ]),
      named: ['10.0.0.1 . tcp . 8080'],
    });
    expect(egress?.rules[0]?.ports).toEqual({ numbers: new Map(), named: ['10.0.0.1 . tcp . 8080', '10.0.1.1 . tcp . 80'] });
  });
});
