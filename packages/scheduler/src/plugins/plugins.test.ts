import type { Node, Pod, PodSpec } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { CycleState, type FilterPlugin, type Snapshot } from '../framework.ts';
import { NodeInfo } from '../node-info.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesBalancedAllocation, nodeResourcesFit } from './node-resources.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';

const ALLOCATABLE = { cpu: '4', memory: '8Gi', pods: '10' };
const node = (name: string, more: Partial<Node> = {}): NodeInfo =>
  new NodeInfo(name, {
    ...more,
    metadata: { name, labels: { zone: name.slice(0, 1), 'kubernetes.io/hostname': name }, ...more.metadata },
    status: { allocatable: ALLOCATABLE, ...more.status },
  });
const pod = (spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}, name = 'p'): Pod => ({
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [], ...spec },
});
const containers = (requests: Record<string, string>): PodSpec['containers'] => [{ name: 'c', resources: { requests } }];
const snapshotOf = (...nodes: NodeInfo[]): Snapshot => ({ nodes, node: (name) => nodes.find((each) => each.name === name) });

const filters = (plugin: FilterPlugin) => (of: Pod, on: NodeInfo) => plugin.filter(new CycleState(), of, on)?.reason;

describe('filters of one node', () => {
  const tainted = node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } });
  const busy = node('a');
  busy.addPod(
    pod(
      {
        containers: [
          { name: 'c', ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1' }], resources: { requests: { cpu: '3' } } },
        ],
      },
      {},
      'other',
    ),
  );
  const withPort = (hostPort: number, hostIP?: string): Pod =>
    pod({ containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort, ...(hostIP && { hostIP }) }] }] });

  it.each([
    ['another name', nodeName, pod({ nodeName: 'b' }), node('a'), "node(s) didn't match the requested node name"],
    ['the name', nodeName, pod({ nodeName: 'a' }), node('a'), undefined],
    ['cordoned', nodeUnschedulable, pod(), node('a', { spec: { unschedulable: true } }), 'node(s) were unschedulable'],
    [
      'cordoned, tolerated',
      nodeUnschedulable,
      pod({ tolerations: [{ operator: 'Exists' }] }),
      node('a', { spec: { unschedulable: true } }),
      undefined,
    ],
    ['tainted', taintToleration, pod(), tainted, 'node(s) had untolerated taint {k: v}'],
    [
      'tainted, tolerated',
      taintToleration,
      pod({ tolerations: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }),
      tainted,
      undefined,
    ],
    [
      'tainted, other value tolerated',
      taintToleration,
      pod({ tolerations: [{ key: 'k', value: 'w' }] }),
      tainted,
      'node(s) had untolerated taint {k: v}',
    ],
    ['selector', nodeAffinity, pod({ nodeSelector: { zone: 'a' } }), node('a'), undefined],
    [
      'other selector',
      nodeAffinity,
      pod({ nodeSelector: { zone: 'b' } }),
      node('a'),
      "node(s) didn't match Pod's node affinity/selector",
    ],
    ['port taken', nodePorts, withPort(80), busy, "node(s) didn't have free ports for the requested pod ports"],
    ['port taken on another address', nodePorts, withPort(80, '10.0.0.2'), busy, undefined],
    ['other port', nodePorts, withPort(81), busy, undefined],
    ['enough CPU', nodeResourcesFit, pod({ containers: containers({ cpu: '1' }) }), busy, undefined],
    ['too little CPU', nodeResourcesFit, pod({ containers: containers({ cpu: '1001m' }) }), busy, 'Insufficient cpu'],
    [
      'unknown resource',
      nodeResourcesFit,
      pod({ containers: containers({ 'example.com/gpu': '1' }) }),
      busy,
      'Insufficient example.com/gpu',
    ],
  ] as const)('%s', (_title, plugin, of, on, reason) => {
    expect(filters(plugin)(of, on)).toBe(reason);
  });

  it('counts init containers and sidecars as they run', () => {
    const spec: Partial<PodSpec> = {
      initContainers: [
        { name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        { name: 'i', resources: { requests: { cpu: '2' } } },
      ],
      containers: containers({ cpu: '1' }),
      overhead: { cpu: '1' },
    };
    // Starting: sidecar 1 + init 2; running: sidecar 1 + container 1; and overhead 1 on top.
    expect(filters(nodeResourcesFit)(pod(spec), node('a'))).toBeUndefined();
    expect(filters(nodeResourcesFit)(pod({ ...spec, overhead: { cpu: '1001m' } }), node('a'))).toBe('Insufficient cpu');
  });

  it('takes no more pods than the node says', () => {
    const full = node('a');
    for (let at = 0; at < 10; at += 1) full.addPod(pod({}, {}, `p${at}`));

    expect(filters(nodeResourcesFit)(pod(), full)).toBe('Too many pods');
  });
});

describe('scheduling gates', () => {
  it('hold a pod back until they are gone', () => {
    expect(schedulingGates.preEnqueue(pod({ schedulingGates: [{ name: 'x' }] }))?.reason).toContain('[x]');
    expect(schedulingGates.preEnqueue(pod())).toBeUndefined();
  });
});

describe('PodTopologySpread', () => {
  const constraint = {
    maxSkew: 1,
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 'web' } },
  };
  const web = pod({ topologySpreadConstraints: [constraint] }, { app: 'web' });

  it('keeps zones within the skew', () => {
    const [a, b] = [node('a1'), node('b1')];
    a.addPod(pod({}, { app: 'web' }, 'w1'));
    const state = new CycleState();
    podTopologySpread.preFilter(state, web, snapshotOf(a, b));

    expect(podTopologySpread.filter(state, web, a)?.reason).toContain('topology spread constraints');
    expect(podTopologySpread.filter(state, web, b)).toBeUndefined();
  });

  it('treats missing domains as empty while there are fewer than minDomains', () => {
    const a = node('a1');
    a.addPod(pod({}, { app: 'web' }, 'w1'));
    const strict = pod({ topologySpreadConstraints: [{ ...constraint, minDomains: 2 }] }, { app: 'web' });
    const state = new CycleState();
    podTopologySpread.preFilter(state, strict, snapshotOf(a));

    expect(podTopologySpread.filter(state, strict, a)?.reason).toContain('topology spread constraints');
  });

  it('prefers the emptier zone where it may not insist', () => {
    const soft = pod({ topologySpreadConstraints: [{ ...constraint, whenUnsatisfiable: 'ScheduleAnyway' }] }, { app: 'web' });
    const [a, b] = [node('a1'), node('b1')];
    a.addPod(pod({}, { app: 'web' }, 'w1'));
    const state = new CycleState();
    podTopologySpread.preScore(state, soft, snapshotOf(a, b), [a, b]);
    const scores = [a, b].map((each) => podTopologySpread.score(state, soft, each));
    podTopologySpread.normalize?.(state, soft, scores);

    expect(scores[1]).toBeGreaterThan(scores[0] ?? 0);
  });
});

describe('InterPodAffinity', () => {
  const plugin = interPodAffinity((namespace) => ({ team: namespace }));
  const term = { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'db' } } };
  const verdicts = (of: Pod, ...nodes: NodeInfo[]) => {
    const state = new CycleState();
    plugin.preFilter(state, of, snapshotOf(...nodes));
    return nodes.map((each) => plugin.filter(state, of, each)?.reason);
  };

  it('goes where its friends are', () => {
    const [a, b] = [node('a1'), node('b1')];
    a.addPod(pod({}, { app: 'db' }, 'db'));
    const friendly = pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });

    expect(verdicts(friendly, a, b)).toEqual([undefined, "node(s) didn't match pod affinity rules"]);
  });

  it('lets the first of a group go anywhere', () => {
    const first = pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }, { app: 'db' });

    expect(verdicts(first, node('a1'))).toEqual([undefined]);
  });

  it('stays away from others, and others from it', () => {
    const [a, b] = [node('a1'), node('b1')];
    const lonely = pod(
      { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
      { app: 'x' },
      'lonely',
    );
    a.addPod(pod({}, { app: 'db' }, 'db'));
    expect(verdicts(lonely, a, b)).toEqual(["node(s) didn't match pod anti-affinity rules", undefined]);

    b.addPod(lonely);

    expect(verdicts(pod({}, { app: 'db' }, 'new'), b)).toEqual(["node(s) didn't satisfy existing pods anti-affinity rules"]);
  });

  it('looks into other namespaces only if told to', () => {
    const a = node('a1');
    a.addPod({ metadata: { name: 'db', namespace: 'other', labels: { app: 'db' } }, spec: { containers: [] } });
    const friendly = (more: object) =>
      pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, ...more }] } } });

    expect(verdicts(friendly({}), a)[0]).toBeDefined();
    expect(verdicts(friendly({ namespaceSelector: { matchLabels: { team: 'other' } } }), a)).toEqual([undefined]);
    expect(verdicts(friendly({ namespaces: ['other'] }), a)).toEqual([undefined]);
  });
});

describe('scores', () => {
  const state = new CycleState();

  it('are higher where more is free, and where CPU and memory are used alike', () => {
    const [empty, used] = [node('a'), node('b')];
    used.addPod(pod({ containers: containers({ cpu: '3', memory: '1Gi' }) }, {}, 'big'));
    const small = pod({ containers: containers({ cpu: '100m', memory: '200Mi' }) });

    expect(nodeResourcesFit.score(state, small, empty)).toBeGreaterThan(nodeResourcesFit.score(state, small, used));
    expect(nodeResourcesBalancedAllocation.score(state, small, empty)).toBeGreaterThan(
      nodeResourcesBalancedAllocation.score(state, small, used),
    );
  });

  it('are higher where the image is', () => {
    const has = node('a', {
      status: { allocatable: ALLOCATABLE, images: [{ names: ['nginx:latest'], sizeBytes: 500 * 1024 * 1024 }] },
    });
    const lacks = node('b');
    const nginx = pod({ containers: [{ name: 'c', image: 'nginx' }] });
    imageLocality.preScore(state, nginx, snapshotOf(has, lacks), [has, lacks]);

    expect(imageLocality.score(state, nginx, has)).toBeGreaterThan(imageLocality.score(state, nginx, lacks));
    expect(imageLocality.score(state, nginx, lacks)).toBe(0);
  });
});
