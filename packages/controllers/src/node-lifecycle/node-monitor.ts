import { findCondition, nameOf } from '@keelson/api';
import type { Lease } from '@keelson/api/coordination/v1';
import { Node, type NodeCondition } from '@keelson/api/core/v1';
import { errorMessage, isReason, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { patchStatusIfChanged, type EventRecorder, type Informer } from '@keelson/controller-runtime';
import { EvictionZones } from './eviction-zones.ts';
import { nextHealth, unknownConditions, type NodeHealth } from './node-health.ts';
import type { NodeLifecycleOptions } from './node-options.ts';
import { changeTaints, noExecuteChange, withoutNoExecute } from './node-taints.ts';
import { zoneOf, type ZoneCount } from './zone-state.ts';

/** Where the leases of nodes are. */
export const LEASES = 'kube-node-lease';
/** Nodes with it do not count for the state of their zone. */
const NOT_COUNTED_LABEL = 'node.kubernetes.io/exclude-disruption';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly nodes: Informer<Node>;
  readonly leases: Informer<Lease>;
  readonly options: Required<NodeLifecycleOptions>;
}

interface Watched {
  readonly uid: string | undefined;
  readonly health: NodeHealth;
}

/** Looks at all nodes from time to time: who is silent for too long is unreachable, and who is not ready has its pods taken away. */
export class NodeMonitor implements Runnable {
  readonly name = 'node monitor';
  readonly #dependencies: Dependencies;
  readonly #zones: EvictionZones;
  readonly #tasks: TaskGroup;
  #watched = new Map<string, Watched>();
  #isLooking = false;
  #timer: Disposable | undefined;

  constructor(dependencies: Dependencies) {
    const { clock, logger, options, nodes } = dependencies;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup(logger);
    this.#zones = new EvictionZones({
      clock,
      logger,
      options,
      taint: async (name) => {
        const node = nodes.get(name);
        if (node) await changeTaints(dependencies, node, noExecuteChange);
      },
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock, nodes, leases, options } = this.#dependencies;
    await Promise.all([nodes.whenSynced(signal), leases.whenSynced(signal)]);
    this.#lookLater();
    this.#timer = clock.every(options.monitorPeriodMs, () => this.#lookLater());
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
    await this.#zones.stop();
  }

  /** Never two looks at the same time. */
  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#tasks.run('look at nodes', async () => {
      try {
        await this.#look();
      } finally {
        this.#isLooking = false;
      }
    });
  }

  async #look(): Promise<void> {
    const nodes = this.#dependencies.nodes.list();
    this.#noteComings(nodes);
    const counts = new Map<string, ZoneCount>();
    const writes = nodes.map(async (node) => this.#lookAt(node, counts));
    await this.#all(writes);
    const turn = this.#zones.judge(counts);
    if (turn === 'all went down')
      await this.#all(nodes.map(async (node) => changeTaints(this.#dependencies, node, withoutNoExecute)));
    if (turn === 'some came back') this.#giveTime();
  }

  /** What fails is tried again at the next look. */
  async #all(writes: readonly Promise<void>[]): Promise<void> {
    for (const result of await Promise.allSettled(writes)) {
      if (result.status === 'rejected')
        this.#dependencies.logger.warn('node not updated', { error: errorMessage(result.reason) });
    }
  }

  #noteComings(nodes: readonly Node[]): void {
    const present = new Set(nodes.map(({ metadata }) => metadata?.uid));
    for (const [name, { uid }] of this.#watched) {
      if (present.has(uid)) continue;
      this.#watched.delete(name);
      this.#zones.dequeue(name);
      this.#tell(name, uid, 'RemovingNode', `Removing Node ${name} from Controller`);
    }
    for (const { metadata } of nodes) {
      const name = metadata?.name ?? '';
      if (!this.#watched.has(name)) this.#tell(name, metadata?.uid, 'RegisteredNode', `Registered Node ${name} in Controller`);
    }
  }

  async #lookAt(node: Node, counts: Map<string, ZoneCount>): Promise<void> {
    const { clock, leases, options } = this.#dependencies;
    const [name, nowMs] = [nameOf(node), clock.now()];
    const health = nextHealth(node, leases.get(name, LEASES), this.#watched.get(name)?.health, nowMs);
    this.#watched.set(name, { uid: node.metadata?.uid, health });
    const unknown = unknownConditions(node, health, { ...options, nowMs });
    const ready = findCondition(unknown ?? node.status?.conditions, 'Ready');
    count(node, ready, counts);
    if (unknown) await this.#markUnknown(node, unknown);
    // By what was there before: what this look has found is acted upon at the next one.
    await this.#evict(node, health.ready?.status ?? 'Unknown');
  }

  async #markUnknown(node: Node, conditions: readonly NodeCondition[]): Promise<void> {
    try {
      await patchStatusIfChanged(this.#dependencies.client, Node, node, { conditions });
    } catch (error) {
      // Somebody has just written its state: it is alive, or the next look will tell.
      if (isReason(error, 'Conflict', 'NotFound')) return;
      throw error;
    }
    if (findCondition(node.status?.conditions, 'Ready')?.status !== 'True') return;
    this.#tell(nameOf(node), node.metadata?.uid, 'NodeNotReady', `Node ${nameOf(node)} status is now: NodeNotReady`);
  }

  /** A taint that is there already is swapped for the right one at once; a new one has to wait for its turn. */
  async #evict(node: Node, ready: string): Promise<void> {
    const { add, remove } = noExecuteChange(node);
    const name = nameOf(node);
    if (ready === 'True') this.#zones.dequeue(name);
    if (remove.length > 0) await changeTaints(this.#dependencies, node, noExecuteChange);
    else if (add.length > 0) this.#zones.enqueue(node, name);
  }

  #giveTime(): void {
    const aliveMs = this.#dependencies.clock.now();
    for (const [name, { uid, health }] of this.#watched) this.#watched.set(name, { uid, health: { ...health, aliveMs } });
  }

  #tell(name: string, uid: string | undefined, reason: string, message: string): void {
    this.#dependencies.events.event({ apiVersion: 'v1', kind: 'Node', name, uid }, 'Normal', reason, message);
  }
}

function count(node: Node, ready: NodeCondition | undefined, counts: Map<string, ZoneCount>): void {
  if (node.metadata?.labels?.[NOT_COUNTED_LABEL] !== undefined) return;
  const zone = counts.get(zoneOf(node)) ?? { ready: 0, notReady: 0 };
  if (ready?.status === 'True') zone.ready += 1;
  else zone.notReady += 1;
  counts.set(zoneOf(node), zone);
}
