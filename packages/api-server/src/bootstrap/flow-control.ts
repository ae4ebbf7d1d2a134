import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  ResourcePolicyRule,
  Subject,
} from '@keelson/api/flowcontrol/v1';

const AUTO_UPDATE = { 'apf.kubernetes.io/autoupdate-spec': 'true' };
const ANY = ['*'];
const EVERYBODY = groups('system:unauthenticated', 'system:authenticated');
const EVERYTHING = {
  resourceRules: [resources(ANY, ANY, ANY, true)],
  nonResourceRules: [{ verbs: ANY, nonResourceURLs: ANY }],
};
const LEASES = resources(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases']);

/** The levels of priority that a cluster has from its start. Clients and operators look for them; the server limits requests by number alone. */
export function bootstrapPriorityLevels(): PriorityLevelConfiguration[] {
  return [
    level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
    limited('catch-all', { shares: 5, lendable: 0 }),
    limited('system', { shares: 30, lendable: 33, queues: [64, 6] }),
    limited('node-high', { shares: 40, lendable: 25, queues: [64, 6] }),
    limited('leader-election', { shares: 10, lendable: 0, queues: [16, 4] }),
    limited('workload-high', { shares: 40, lendable: 50, queues: [128, 6] }),
    limited('workload-low', { shares: 100, lendable: 90, queues: [128, 6] }),
    limited('global-default', { shares: 20, lendable: 50, queues: [128, 6] }),
  ];
}

/** Which requests have which priority from the start. */
export function bootstrapFlowSchemas(): FlowSchema[] {
  return [
    schema('exempt', ['exempt', 1], { subjects: groups('system:masters'), ...EVERYTHING }),
    schema('probes', ['exempt', 2], { subjects: EVERYBODY, nonResourceRules: [probes()] }),
    ...schemasOfEndpointsAndLeases(),
    schema('system-node-high', ['node-high', 400, 'ByUser'], {
      subjects: groups('system:nodes'),
      resourceRules: [resources(ANY, [''], ['nodes', 'nodes/status'], true), resources(ANY, ['coordination.k8s.io'], ['leases'])],
    }),
    schema('system-nodes', ['system', 500, 'ByUser'], { subjects: groups('system:nodes'), ...EVERYTHING }),
    ...['kube-controller-manager', 'kube-scheduler'].map((name) =>
      schema(name, ['workload-high', 800, 'ByNamespace'], { subjects: users(`system:${name}`), ...EVERYTHING }),
    ),
    schema('kube-system-service-accounts', ['workload-high', 900, 'ByNamespace'], { subjects: accounts('*'), ...EVERYTHING }),
    schema('service-accounts', ['workload-low', 9000, 'ByUser'], { subjects: groups('system:serviceaccounts'), ...EVERYTHING }),
    schema('global-default', ['global-default', 9900, 'ByUser'], { subjects: EVERYBODY, ...EVERYTHING }),
    schema('catch-all', ['catch-all', 10_000, 'ByUser'], { subjects: EVERYBODY, ...EVERYTHING }),
  ];
}

function schemasOfEndpointsAndLeases(): FlowSchema[] {
  const leaders = users('system:kube-controller-manager', 'system:kube-scheduler');
  const endpointControllers = accounts('endpoint-controller', 'endpointslicemirroring-controller');
  return [
    schema('system-leader-election', ['leader-election', 100, 'ByUser'], {
      subjects: [...leaders, ...accounts('*')],
      resourceRules: [LEASES],
    }),
    schema('endpoint-controller', ['workload-high', 150, 'ByUser'], {
      subjects: [...users('system:kube-controller-manager'), ...endpointControllers],
      resourceRules: [resources(['get', 'create', 'update'], [''], ['endpoints'])],
    }),
    schema('workload-leader-election', ['leader-election', 200, 'ByUser'], {
      subjects: accounts('*'),
      resourceRules: [resources(['get', 'create', 'update'], [''], ['endpoints', 'configmaps']), LEASES],
    }),
  ];
}

function level(name: string, spec: PriorityLevelConfigurationSpec): PriorityLevelConfiguration {
  return { metadata: { name, annotations: AUTO_UPDATE }, spec };
}

interface Limits {
  readonly shares: number;
  readonly lendable: number;
  /** How many queues, and of how many of them one request chooses; without queues it is refused at once. */
  readonly queues?: readonly [count: number, handSize: number];
}

function limited(name: string, { shares, lendable, queues }: Limits): PriorityLevelConfiguration {
  const [count, handSize] = queues ?? [];
  return level(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse: queues ? { type: 'Queue', queuing: { queues: count, handSize, queueLengthLimit: 50 } } : { type: 'Reject' },
    },
  });
}

function schema(
  name: string,
  [priorityLevel, matchingPrecedence, by]: readonly [level: string, precedence: number, by?: 'ByUser' | 'ByNamespace'],
  rule: PolicyRulesWithSubjects,
): FlowSchema {
  const spec = { matchingPrecedence, priorityLevelConfiguration: { name: priorityLevel }, rules: [rule] };
  return {
    metadata: { name, annotations: AUTO_UPDATE },
    spec: by === undefined ? spec : { ...spec, distinguisherMethod: { type: by } },
  };
}

function groups(...names: readonly string[]): Subject[] {
  return names.map((name) => ({ kind: 'Group', group: { name } }));
}

function users(...names: readonly string[]): Subject[] {
  return names.map((name) => ({ kind: 'User', user: { name } }));
}

/** Of `kube-system`. */
function accounts(...names: readonly string[]): Subject[] {
  return names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { name, namespace: 'kube-system' } }));
}

function resources(verbs: string[], apiGroups: string[], names: string[], clusterScope = false): ResourcePolicyRule {
  return { verbs, apiGroups, resources: names, namespaces: ANY, ...(clusterScope && { clusterScope }) };
}

function probes(): { verbs: string[]; nonResourceURLs: string[] } {
  return { verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] };
}
