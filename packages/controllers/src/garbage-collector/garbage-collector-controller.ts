import type { KubernetesObject } from '@keelson/api';
import { Lifecycle, type Runnable } from '@keelson/base';
import { ExponentialRateLimiter, type Delta, type Enqueue, type EventRecorder, type Source } from '@keelson/controller-runtime';
import { Subject } from 'rxjs';
import type { ControllerFactory } from '../controller-context.ts';
import type { ServedResource } from '../discovery/served-resources.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { DependencyGraph, type GraphListener } from './dependency-graph.ts';
import { EXAMINE, GarbageCollector, VERIFY } from './garbage-collector.ts';
import { identityText, type GraphNode, type Identity } from './graph-node.ts';
import { Monitors, type MonitorListener } from './monitors.ts';
import { ObjectAccess } from './object-access.ts';

const NAME = 'garbage-collector-controller';

type Work = Parameters<Enqueue>;

/** What the graph asks for, as keys of a controller. */
class GraphWork implements GraphListener, Source {
  readonly #events: EventRecorder;
  readonly #work = new Subject<Work>();

  constructor(events: EventRecorder) {
    this.#events = events;
  }

  examine(uid: string): void {
    this.#work.next([{ namespace: EXAMINE, name: uid }]);
  }

  verify(uid: string, delayMs = 0): void {
    this.#work.next([{ namespace: VERIFY, name: uid }, { delayMs }]);
  }

  invalidNamespace({ identity }: GraphNode, owner: Identity): void {
    const { apiVersion, kind, namespace, name, uid } = identity;
    const message = `ownerRef ${identityText(owner)} does not exist in namespace "${namespace}"`;
    this.#events.event({ apiVersion, kind, namespace, name, uid }, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  /** At once: the collector itself waits until everything is known. */
  async whenSynced(): Promise<void> {}

  subscribe(enqueue: Enqueue): Disposable {
    const subscription = this.#work.subscribe((work) => enqueue(...work));
    return { [Symbol.dispose]: () => subscription.unsubscribe() };
  }
}

/** Keeps the graph equal to what is watched. */
function graphFeeder(graph: DependencyGraph): MonitorListener {
  return {
    changed: (resource: ServedResource, deltas: readonly Delta<KubernetesObject>[]) => {
      for (const { type, object } of deltas) {
        if (type === 'deleted') graph.remove(object);
        else graph.observe(resource, object);
      }
    },
    abandoned: (objects) => {
      for (const object of objects) graph.forget(object);
    },
  };
}

/** `garbage-collector-controller`. */
export const garbageCollectorController: ControllerFactory = (context): Runnable => {
  const { client, clock, events } = context;
  const logger = context.logger.child({ controller: NAME });
  const work = new GraphWork(events);
  const graph = new DependencyGraph(work);
  const monitors = new Monitors({ client, clock, logger, listener: graphFeeder(graph) });
  const reconciler = new GarbageCollector({ graph, monitors, access: new ObjectAccess(client) });
  const rateLimiter = new ExponentialRateLimiter<string>();
  const lifecycle = new Lifecycle(logger);
  // The workers come first, or they would miss what the monitors find.
  lifecycle.add(reconcilingController(context, { name: NAME, reconciler, sources: [work] }, { concurrency: 20, rateLimiter }));
  lifecycle.add(monitors);
  return { name: NAME, start: (signal) => lifecycle.start(signal), stop: () => lifecycle.stop() };
};
