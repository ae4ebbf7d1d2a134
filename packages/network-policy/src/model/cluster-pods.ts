import { familyOf, labelSelectorFrom, type IpFamily } from '@keelson/api';
import type { Namespace, Pod } from '@keelson/api/core/v1';
import type { NetworkPolicyPeer, NetworkPolicySpec } from '@keelson/api/networking/v1';

export interface ClusterPodsInput {
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
  readonly family: IpFamily;
  /** The node whose pods are kept apart. */
  readonly nodeName: string;
}

/** A pod with an address of its own. Pods in the network of their node are none: policies are not for them. */
export interface PolicyPod {
  readonly address: string;
  readonly isLocal: boolean;
  /** `NAME PROTOCOL` of container ports to their numbers. */
  readonly namedPorts: ReadonlyMap<string, number>;
  readonly pod: Pod;
}

/** Answers which pods selectors mean. */
export class ClusterPods {
  readonly #byNamespace: ReadonlyMap<string, readonly PolicyPod[]>;
  readonly #namespaces: readonly Namespace[];

  constructor(input: ClusterPodsInput) {
    const pods = input.pods.flatMap((pod) => policyPod(pod, input) ?? []);
    this.#byNamespace = Map.groupBy(pods, ({ pod }) => pod.metadata?.namespace ?? '');
    this.#namespaces = input.namespaces;
  }

  get all(): readonly PolicyPod[] {
    return [...this.#byNamespace.values()].flat();
  }

  /** On every node. */
  selected(namespace: string, selector: NetworkPolicySpec['podSelector']): readonly PolicyPod[] {
    const matcher = labelSelectorFrom(selector ?? {});
    return (this.#byNamespace.get(namespace) ?? []).filter(({ pod }) => matcher.matches(pod.metadata?.labels ?? {}));
  }

  /** Those of a peer with selectors; `namespace` is that of the policy. */
  peers(namespace: string, { namespaceSelector, podSelector }: NetworkPolicyPeer): readonly PolicyPod[] {
    if (!namespaceSelector) return this.selected(namespace, podSelector);
    const matcher = labelSelectorFrom(namespaceSelector);
    return this.#namespaces
      .filter(({ metadata }) => matcher.matches(metadata?.labels ?? {}))
      .flatMap(({ metadata }) => this.selected(metadata?.name ?? '', podSelector));
  }
}

function policyPod(pod: Pod, { family, nodeName }: ClusterPodsInput): PolicyPod | undefined {
  const { status, spec } = pod;
  if (!spec || spec.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined;
  const addresses = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP];
  const address = addresses.find((each) => each !== undefined && each !== '' && familyOf(each) === family);
  if (address === undefined) return undefined;
  const containers = [
    ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ...spec.containers,
  ];
  const ports = containers.flatMap(({ ports: list = [] }) => list);
  const named = ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
    name ? [[`${name} ${protocol}`, containerPort] as const] : [],
  );
  return { address, isLocal: spec.nodeName === nodeName, namedPorts: new Map(named), pod };
}
