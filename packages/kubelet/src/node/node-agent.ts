import { errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { formatMicroTime, parseQuantity } from '@keelson/api';
import { Lease } from '@keelson/api/coordination/v1';
import { Node, type NodeStatus } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { ContainerRuntime, ImageStatus } from '@keelson/runtime';
import type { KubeletOptions } from '../options.ts';
import { nodeSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import type { Pleg } from '../worker/pleg.ts';
import { Rounds } from '../worker/rounds.ts';
import { networkFailure } from '../network-failure.ts';
import { within } from '../within.ts';
import type { Pressure } from '../eviction/thresholds.ts';
import { allocatableOf } from './allocatable.ts';
import { architecture, machineCapacity, systemInfo } from './machine.ts';
import { differs, extendedResources, nodeStatus, turned } from './node-status.ts';
import { PodCidrs, podCidrsIn } from './pod-cidrs.ts';

export interface NodeAgentDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly runtime: ContainerRuntime;
  readonly pleg: Pleg;
  /** The port of the kubelet's server; 0 if there is none. */
  readonly port: () => number;
  /** Called when the API has the node, and has it again. */
  readonly registered?: () => void;
  readonly pressures: () => ReadonlySet<Pressure>;
  readonly isShuttingDown: () => boolean;
  /** Volumes can be made read only with all that is mounted below them. */
  readonly canMountReadOnlyTrees: boolean;
}

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const HEARTBEAT_MS = 10_000;
const REPORT_MS = 300_000;
const REGISTER_RETRY_MS = 1000;
/** How often, and how many times, a new node looks for the pod network that it is given. Then each heartbeat does. */
const LOOK_MS = 500;
const LOOKS = 20;

/** Registers the node, says that it lives (a lease, every 10 s), and reports its status when it changes, else every 5 minutes. */
export class NodeAgent {
  readonly #deps: NodeAgentDependencies;
  readonly #options: KubeletOptions;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #tasks: TaskGroup;
  readonly #capacity: Readonly<Record<string, string>>;
  readonly #allocatable: Readonly<Record<string, string>>;
  #node: Node | undefined;
  readonly #podCidrs: PodCidrs;
  readonly #machine = systemInfo();
  #writtenAtMs = 0;
  readonly #reports = new Rounds(() => this.#orWarn('node status', (signal) => this.#reportStatus(signal)));
  readonly #renewals = new Rounds(() => this.#orWarn('lease renewal', (signal) => this.#renewLease(signal)));
  #timer: Disposable | undefined;

  constructor(deps: NodeAgentDependencies, options: KubeletOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#labels = labelsOf(options);
    this.#tasks = new TaskGroup(deps.logger);
    this.#podCidrs = new PodCidrs({ ...deps, told: () => this.report() }, this.#tasks, options.podCidr);
    this.#capacity = canonical({
      ...machineCapacity(options.rootDir),
      ...options.capacity,
      pods: String(options.maxPods ?? 110),
    });
    this.#allocatable = allocatableOf(this.#capacity, options);
  }

  get capacity(): Readonly<Record<string, string>> {
    return this.#capacity;
  }

  /** What pods may have of it. */
  get allocatable(): Readonly<Record<string, string>> {
    return this.#allocatable;
  }

  /** The node as admission and the downward API see it. */
  get node(): Pick<Node, 'metadata' | 'status'> {
    const labels = { ...this.#node?.metadata?.labels, ...this.#labels };
    const metadata = { ...this.#node?.metadata, name: this.#options.nodeName, labels };
    const extended = extendedResources(this.#node?.status ?? {});
    const status = { capacity: { ...extended, ...this.#capacity }, allocatable: { ...extended, ...this.#allocatable } };
    return { metadata, status };
  }

  /** Goes on in the background until the API takes the node; pods need not wait for it. */
  start(): void {
    const { clock, events } = this.#deps;
    this.#timer = clock.every(HEARTBEAT_MS, () => this.#beat());
    this.#podCidrs.tell();
    events.event(nodeSubject(this.#options.nodeName), 'Normal', 'Starting', 'Starting kubelet.');
    this.#tasks.run('register node', (signal) => this.#register(signal));
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
  }

  /** Writes the status soon, if it has changed. */
  report(): void {
    this.#tasks.run('report node status', () => this.#reports.next(''));
  }

  /** Reads again what others say of the node: its labels, and more to its capacity. What is known stays if the API does not answer. Never rejects. */
  look(): Promise<void> {
    return this.#orWarn('look at the node', async (signal) => {
      const found = await this.#deps.client.resource(Node).find({ name: this.#options.nodeName }, { signal });
      if (found && this.#node) this.#node = found;
    });
  }

  #beat(): void {
    this.#podCidrs.tell(this.#node);
    if (!this.#node) return;
    this.report();
    this.#tasks.run('renew lease', () => this.#renewals.next(''));
  }

  async #orWarn(what: string, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#tasks;
    try {
      await within({ clock: this.#deps.clock, ms: HEARTBEAT_MS, signal }, task);
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.logger.warn(`${what} failed`, { node: this.#options.nodeName, error: errorMessage(error) });
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    await this.#deps.pleg.refresh(); // A node that comes with its runtime's state need not change it at once.
    while (!this.#node) {
      try {
        this.#node = await this.#createOrAdopt(signal);
        this.#podCidrs.tell(this.#node);
      } catch (error) {
        if (signal.aborted) return;
        this.#deps.logger.warn('node could not be registered', { node: this.#options.nodeName, error: errorMessage(error) });
        await this.#deps.clock.sleep(REGISTER_RETRY_MS, signal);
      }
    }
    this.#tellOfConditions({}, this.#node.status ?? {});
    this.#deps.registered?.();
    this.#beat();
    await this.#findPodCidr(signal);
  }

  /** A node that brings no pod network is given one at once, and is of no use before it knows. */
  async #findPodCidr(signal: AbortSignal): Promise<void> {
    const isMissing = (): boolean => this.#deps.pleg.info?.network?.ready === false && !this.#node?.spec?.podCIDR;
    for (let looks = 0; looks < LOOKS && isMissing(); looks += 1) {
      await this.#deps.clock.sleep(LOOK_MS, signal);
      await this.look();
      this.#podCidrs.tell(this.#node);
    }
  }

  async #createOrAdopt(signal: AbortSignal): Promise<Node> {
    const { nodeName, taints } = this.#options;
    const podCIDRs = [...podCidrsIn(this.#options.podCidr)];
    const [podCIDR] = podCIDRs;
    const nodes = this.#deps.client.resource(Node);
    const found = await nodes.find({ name: nodeName }, { signal });
    if (found) return nodes.patch({ name: nodeName }, 'merge', { metadata: { labels: this.#labels } }, { signal });
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: nodeName,
        labels: { ...this.#labels },
        annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
      },
      spec: { ...(podCIDR !== undefined && { podCIDR, podCIDRs }), ...(taints && { taints: [...taints] }) },
      status: await this.#status({}),
    };
    const created = await nodes.create(node, { signal });
    this.#writtenAtMs = this.#deps.clock.now();
    return created;
  }

  async #status(old: NodeStatus): Promise<NodeStatus> {
    const { clock, pleg, port, runtime } = this.#deps;
    const { name = 'unknown', version = '' } = pleg.info ?? {};
    const failure = this.#deps.isShuttingDown() ? 'node is shutting down' : failureOf(pleg);
    const images = failure === undefined ? await runtime.images.list().catch((): readonly ImageStatus[] => []) : [];
    const addresses = this.#options.addresses ?? [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: this.#options.nodeName },
    ];
    const info = { ...this.#machine, containerRuntimeVersion: `${name}://${version}` };
    const amounts = { capacity: this.#capacity, allocatable: this.#allocatable };
    const pressures = this.#deps.pressures();
    const features = {
      supplementalGroupsPolicy: pleg.info?.strictGroups ?? false,
      recursiveReadOnlyMounts: this.#deps.canMountReadOnlyTrees,
      userNamespaces: pleg.info?.userNamespaces ?? false,
    };
    return nodeStatus({
      old,
      features,
      nowMs: clock.now(),
      ...amounts,
      addresses,
      info,
      images,
      port: port(),
      failure,
      pressures,
    });
  }

  async #reportStatus(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#deps;
    if (!this.#node) return;
    // Others write to it too: a controller that has not heard of us for a while, or whoever advertises a resource.
    const node = await client.resource(Node).find({ name: this.#options.nodeName }, { signal });
    if (!node) return this.#comeBack();
    this.#node = node;
    this.#podCidrs.tell(node);
    const status = await this.#status(node.status ?? {});
    const isDue = clock.now() - this.#writtenAtMs >= REPORT_MS;
    if (!isDue && !differs(node.status ?? {}, status)) return;
    const { addresses = [], ...rest } = status;
    // Merged by their type, one of two of the same type would be lost.
    const patch = { status: { ...rest, addresses: [...addresses, { $patch: 'replace' }] } };
    try {
      this.#node = await client.resource(Node).patchStatus({ name: this.#options.nodeName }, 'strategic', patch, { signal });
      this.#tellOfConditions(node.status ?? {}, status);
      this.#writtenAtMs = clock.now();
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      this.#comeBack();
    }
  }

  /** Somebody has deleted the node. */
  #comeBack(): void {
    this.#node = undefined;
    this.#tasks.run('register node', (signal) => this.#register(signal));
  }

  #tellOfConditions(from: NodeStatus, to: NodeStatus): void {
    const { nodeName } = this.#options;
    for (const reason of turned(from, to)) {
      this.#deps.events.event(nodeSubject(nodeName), 'Normal', reason, `Node ${nodeName} status is now: ${reason}`);
    }
  }

  async #renewLease(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#deps;
    const leases = client.resource(Lease);
    const { nodeName } = this.#options;
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime: formatMicroTime(clock.now()) };
    const name = { name: nodeName, namespace: LEASE_NAMESPACE };
    try {
      await leases.patch(name, 'merge', { spec }, { signal });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      await leases.create(
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...name, ...this.#owner() }, spec },
        { signal },
      );
    }
  }

  #owner(): Pick<NonNullable<Lease['metadata']>, 'ownerReferences'> {
    const uid = this.#node?.metadata?.uid;
    return uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.#options.nodeName, uid }] };
  }
}

/** Why pods cannot be run here now, if so. */
function failureOf({ failure, info }: Pleg): string | undefined {
  if (failure !== undefined) return `container runtime is down: ${failure}`;
  if (!info) return 'container runtime is down: it has not answered yet';
  return networkFailure(info);
}

/** As the API gives amounts back: in another form they would look changed at each heartbeat. */
function canonical(amounts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(parseQuantity(amount))]));
}

function labelsOf({ nodeName, labels }: KubeletOptions): Record<string, string> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': os,
    'kubernetes.io/arch': architecture(),
    'beta.kubernetes.io/os': os,
    'beta.kubernetes.io/arch': architecture(),
    ...labels,
  };
}
