import type { NetworkPolicy } from '@keelson/api/networking/v1';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { ClusterPods } from '../model/cluster-pods.ts';
import { compilePolicies } from '../model/compile-policies.ts';
import { namespaceOf, pod, policy } from '../testing/objects.ts';
import { isIdle, rulesetOf, type Ruleset } from './ruleset.ts';
import { changeStatements, fullStatements } from './statements.ts';

const NAMESPACES = [namespaceOf('default'), namespaceOf('other', { project: 'myproject' })];
const DB = pod('default/db', '10.0.0.1', { labels: { role: 'db' }, ports: [{ name: 'metrics', containerPort: 9121 }] });
const FRONTEND = pod('default/frontend', '10.0.0.2', { labels: { role: 'frontend' } });
const FRIEND = pod('other/friend', '10.0.0.3');

/** The example of the Kubernetes documentation, with a named port and a range besides. */
const EXAMPLE = policy('default/test-network-policy', {
  podSelector: { matchLabels: { role: 'db' } },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    {
      from: [
        { ipBlock: { cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] } },
        { namespaceSelector: { matchLabels: { project: 'myproject' } } },
        { podSelector: { matchLabels: { role: 'frontend' } } },
      ],
      ports: [{ protocol: 'TCP', port: 6379 }, { port: 'metrics' }],
    },
  ],
  egress: [
    {
      to: [{ ipBlock: { cidr: '10.0.0.0/24' } }],
      ports: [
        { protocol: 'TCP', port: 5978 },
        { port: 32_000, endPort: 32_768 },
      ],
    },
  ],
});
const DENY_ALL = policy('default/deny-all', { podSelector: {}, policyTypes: ['Ingress'] });

function rules(policies: readonly NetworkPolicy[], pods: readonly Pod[]): Ruleset {
  return rulesetOf([
    compilePolicies(policies, new ClusterPods({ pods, namespaces: NAMESPACES, family: 'IPv4', nodeName: 'node-1' }), 'IPv4'),
  ]);
}

describe('rulesetOf', () => {
  it.each([
    { file: 'documentation.nft', policies: [EXAMPLE], pods: [DB, FRONTEND, FRIEND] },
    { file: 'deny-all.nft', policies: [DENY_ALL], pods: [DB, FRONTEND] },
    { file: 'both.nft', policies: [EXAMPLE, DENY_ALL], pods: [DB, FRONTEND, FRIEND] },
  ])('makes $file', async ({ file, policies, pods }) => {
    await expect(fullStatements(rules(policies, pods))).toMatchFileSnapshot(`golden/${file}`);
  });

  it('has rules for both families in one table', async () => {
    const six = pod('default/db', 'fd00::1', { labels: { role: 'db' } });
    const compiled = (['IPv4', 'IPv6'] as const).map((family) =>
      compilePolicies(
        [DENY_ALL],
        new ClusterPods({ pods: [DB, six], namespaces: NAMESPACES, family, nodeName: 'node-1' }),
        family,
      ),
    );

    await expect(fullStatements(rulesetOf(compiled))).toMatchFileSnapshot('golden/two-families.nft');
    expect(isIdle(compiled)).toBe(false);
  });
});

describe('changeStatements', () => {
  it('says nothing when nothing has changed', () => {
    expect(changeStatements(rules([EXAMPLE], [DB, FRONTEND]), rules([EXAMPLE], [DB, FRONTEND]))).toBe('');
  });

  it('adds a pod that comes as elements, whatever the number of others', () => {
    const another = pod('default/frontend-2', '10.0.0.4', { labels: { role: 'frontend' } });

    const statements = changeStatements(rules([EXAMPLE], [DB, FRONTEND]), rules([EXAMPLE], [DB, FRONTEND, another]));

    expect(statements).toMatch(/^add element inet keelson-policy ingress-\w+-0-pods-4 \{ 10\.0\.0\.4 \}\n$/);
  });

  it('moves a pod to the chain of its new policies in one transaction, and takes the old chain away last', () => {
    const statements = changeStatements(
      rules([DENY_ALL], [FRONTEND]),
      rules([DENY_ALL, EXAMPLE], [{ ...FRONTEND, metadata: { ...FRONTEND.metadata, labels: { role: 'db' } } }]),
    );
    const lines = statements.trim().split('\n');
    const first = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));

    expect(first(/delete element .* ingress-4 \{ 10\.0\.0\.2 \}/)).toBeLessThan(
      first(/add element .* ingress-4 \{ 10\.0\.0\.2 : jump/),
    );
    expect(first(/add element .* ingress-4/)).toBeLessThan(first(/delete chain/));
    expect(lines.at(-1)).toMatch(/^delete chain inet keelson-policy ingress-pods-/);
  });
});
