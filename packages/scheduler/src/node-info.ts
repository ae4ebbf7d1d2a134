import { controllerOf, keyOf } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import { amountsOf, podRequests, podRequestsForScoring, type Amounts } from './pod-resources.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY_IP = '0.0.0.0';

/** A node with what runs on it, or is about to. Sums are kept up to date as pods come and go. */
export class NodeInfo {
  readonly name: string;
  readonly #pods = new Map<string, Pod>();
  readonly #withAffinity = new Set<Pod>();
  readonly #requested = new Map<string, number>();
  readonly #scored = new Map<string, number>();
  /** Living pods by the uid of their controller. */
  readonly #controlled = new Map<string, number>();
  #node: Node | undefined;
  #allocatable: Amounts = new Map();
  #ports: readonly HostPort[] | undefined;
  #imageSizes: ReadonlyMap<string, number> = new Map();

  constructor(name: string, node?: Node) {
    this.name = name;
    this.setNode(node);
  }

  /** Absent while pods name a node that is not there (yet, or any more). */
  get node(): Node | undefined {
    return this.#node;
  }

  get pods(): Iterable<Pod> {
    return this.#pods.values();
  }

  /** Those of its pods that want to be near other pods, or far from them: few, in most clusters. */
  get podsWithAffinity(): Iterable<Pod> {
    return this.#withAffinity;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  /** What its pods request. */
  get requested(): Amounts {
    return this.#requested;
  }

  /** As `requested`, with small amounts in place of none. */
  get requestedForScoring(): Amounts {
    return this.#scored;
  }

  get allocatable(): Amounts {
    return this.#allocatable;
  }

  /** Bytes by every name of each image that is on the node. */
  get imageSizes(): ReadonlyMap<string, number> {
    return this.#imageSizes;
  }

  /** One that can be changed without changing this one. */
  copy(): NodeInfo {
    const copy = new NodeInfo(this.name);
    copy.#node = this.#node;
    copy.#allocatable = this.#allocatable;
    copy.#imageSizes = this.#imageSizes;
    for (const [key, pod] of this.#pods) copy.#pods.set(key, pod);
    for (const pod of this.#withAffinity) copy.#withAffinity.add(pod);
    for (const [resource, amount] of this.#requested) copy.#requested.set(resource, amount);
    for (const [resource, amount] of this.#scored) copy.#scored.set(resource, amount);
    for (const [uid, count] of this.#controlled) copy.#controlled.set(uid, count);
    return copy;
  }

  setNode(node: Node | undefined): void {
    this.#node = node;
    this.#allocatable = amountsOf(node?.status?.allocatable);
    const images = node?.status?.images ?? [];
    this.#imageSizes = new Map(
      images.flatMap(({ names, sizeBytes }) => (names ?? []).map((name): [string, number] => [name, sizeBytes ?? 0])),
    );
  }

  addPod(pod: Pod): void {
    this.removePod(pod);
    this.#pods.set(keyOf(pod), pod);
    if (pod.spec?.affinity?.podAffinity || pod.spec?.affinity?.podAntiAffinity) this.#withAffinity.add(pod);
    this.#count(pod, 1);
  }

  /** Removes the pod of that name, however it looked when it was added. */
  removePod(pod: Pod): void {
    const known = this.#pods.get(keyOf(pod));
    if (!known) return;
    this.#pods.delete(keyOf(pod));
    this.#withAffinity.delete(known);
    this.#count(known, -1);
  }

  /** How many of its pods a controller has made, those left out that are going. */
  countOf(controllerUid: string): number {
    return this.#controlled.get(controllerUid) ?? 0;
  }

  /** True if some pod of the node has taken this port, or all addresses of it. */
  usesPort(wanted: HostPort): boolean {
    this.#ports ??= [...this.#pods.values()].flatMap(hostPorts);
    return this.#ports.some(
      ({ ip, protocol, port }) =>
        port === wanted.port && protocol === wanted.protocol && (ip === wanted.ip || ip === ANY_IP || wanted.ip === ANY_IP),
    );
  }

  #count(pod: Pod, sign: 1 | -1): void {
    addTo(this.#requested, podRequests(pod), sign);
    addTo(this.#scored, podRequestsForScoring(pod), sign);
    this.#ports = undefined;
    const controller = pod.metadata?.deletionTimestamp === undefined ? controllerOf(pod) : undefined;
    if (!controller) return;
    const count = (this.#controlled.get(controller.uid) ?? 0) + sign;
    if (count > 0) this.#controlled.set(controller.uid, count);
    else this.#controlled.delete(controller.uid);
  }
}

function addTo(sums: Map<string, number>, amounts: Amounts, sign: 1 | -1): void {
  for (const [resource, amount] of amounts) sums.set(resource, (sums.get(resource) ?? 0) + sign * amount);
}

/** The ports of the node that a pod takes. */
export function hostPorts(pod: Pod): HostPort[] {
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ];
  return containers.flatMap(({ ports }) =>
    (ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map(({ hostIP, protocol, hostPort = 0 }) => ({ ip: hostIP || ANY_IP, protocol: protocol ?? 'TCP', port: hostPort })),
  );
}

/** Where a pod runs or is to run; empty if nowhere yet. */
export function nodeNameOf(pod: Pod): string {
  return pod.spec?.nodeName ?? '';
}
