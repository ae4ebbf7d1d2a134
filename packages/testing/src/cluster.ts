import type { KubernetesObject } from '@keelson/api';
import type { UserInfo } from '@keelson/api-server';
import { Lifecycle, silentLogger, SystemClock, type Clock, type Logger, type Runnable } from '@keelson/base';
import { createClient, type Client, type Transport } from '@keelson/client';
import { defineController, EventRecorder, InformerFactory, type ControllerDefinition } from '@keelson/controller-runtime';
import {
  accountUser,
  builtinControllers,
  Controllers,
  CONTROLLER_MANAGER,
  controllerUser,
  type ControllerOptions,
} from '@keelson/controllers';
import type { SimulatedRuntime } from '@keelson/runtime';
import { EventObserver, Scheduler, type Plugin } from '@keelson/scheduler';
import { MemoryStore } from '@keelson/store';
import { ControlPlane } from './control-plane.ts';
import { Faults } from './faults.ts';
import { metricsServer } from './metrics.ts';
import { OwnParts } from './own-parts.ts';
import { HOT_LOOP, Problems, type HotLoopLimit } from './problems.ts';
import { SimulatedNode, type TestNode } from './simulated-node.ts';
import { Snapshot } from './snapshot.ts';
import { TestStorage } from './storage.ts';

export interface TestClusterOptions {
  /** How many simulated nodes (`node-1`...), or which ones. Default 1. */
  readonly nodes?: number | readonly TestNode[];
  /** What runs containers: nothing but the simulation runs inside a test. */
  readonly runtime?: 'sim';
  /** The built-in controllers: all, none, or those that `--controllers` would select (`['*', '-node-lifecycle-controller']`). Default all. */
  readonly controllers?: boolean | readonly string[];
  /** Default true. With plugins, these beside the in-tree ones. */
  readonly scheduler?: boolean | { readonly plugins: readonly Plugin[] };
  /** The machine's if absent. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Serve HTTPS too, on any free port of 127.0.0.1. Default false. */
  readonly http?: boolean;
  /** Serve `metrics.k8s.io`, by which autoscalers go. What pods use is said by `runtimes`. Default false. */
  readonly metrics?: boolean;
  /** Make volumes for claims: directories under a temporary one, by a StorageClass for all who ask for none in particular. Default false. */
  readonly volumes?: boolean;
  /** What is stored when it starts. Nothing but what every cluster has, if absent. */
  readonly from?: Snapshot;
  /** When `close` fails because a controller of `control` did not come to rest. 100 times in 5 seconds if absent; `false`: never. */
  readonly hotLoop?: HotLoopLimit | false;
}

/** A cluster that runs. */
export interface TestCluster extends AsyncDisposable {
  /** As a member of `system:masters`. */
  readonly client: Client;
  readonly transport: Transport;
  /** As any user: what RBAC allows them. */
  clientAs(user: UserInfo): Client;
  /** Shared by all parts of the cluster. Running. */
  readonly informers: InformerFactory;
  /** What "runs" the pods, by the name of the node. */
  readonly runtimes: ReadonlyMap<string, SimulatedRuntime>;
  /** What shall go wrong. */
  readonly faults: Faults;
  /** Of the API server, if it serves HTTPS. */
  readonly url: string | undefined;
  /** The text of a kubeconfig file for other clients. Throws unless the cluster serves HTTPS. */
  kubeconfig(): string;
  /** Runs a controller on the cluster, until that is closed or the handle stopped. Resolves when it works. */
  control<T extends KubernetesObject>(definition: ControllerDefinition<T>): Promise<Runnable>;
  /** The API server ends, with its watches and connections, and another one takes its place over the same store. */
  restart(): Promise<void>;
  /** What is stored now. Takes a millisecond for thousands of objects. */
  snapshot(): Snapshot;
  /** Puts back what was stored then: for clients, ordinary changes. */
  restore(snapshot: Snapshot): Promise<void>;
  /** Another cluster with the same options, which begins with what this one has stored. */
  fork(options?: TestClusterOptions): Promise<TestCluster>;
  /** What went wrong unseen so far. */
  readonly problems: readonly string[];
  /** Resolves when nothing of it runs any more; rejects then if there were problems. Safe to call again. */
  close(): Promise<void>;
}

interface Parts {
  readonly lifecycle: Lifecycle;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

function nodeUser(name: string): UserInfo {
  return { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
}

const SCHEDULER: UserInfo = { name: 'system:kube-scheduler', groups: ['system:authenticated'] };
const ADMIN: UserInfo = { name: 'test-admin', groups: ['system:masters', 'system:authenticated'] };

/**
 * A Kubernetes cluster in this process: API server on a store in memory, built-in controllers, scheduler, and kubelets on simulated runtimes;
 * each part may be left out. Resolves when all of them work; nodes become ready right after. A start that fails leaves nothing behind.
 */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { clock = new SystemClock(), logger = silentLogger, hotLoop = HOT_LOOP } = options;
  const lifecycle = new Lifecycle(logger);
  const parts = { lifecycle, clock, logger, signal: new AbortController().signal };
  const problems = new Problems(clock, hotLoop === false ? undefined : hotLoop);
  try {
    return await startAll(options, parts, problems);
  } catch (error) {
    problems[Symbol.dispose]();
    await lifecycle.stop();
    throw error;
  }
}

async function startAll(options: TestClusterOptions, parts: Parts, problems: Problems): Promise<TestCluster> {
  const { lifecycle, signal, clock, logger } = parts;
  const store = options.from?.open({ clock }) ?? new MemoryStore({ clock });
  const faults = new Faults(clock);
  const own = new OwnParts((text) => problems.report(text));
  const unstarted = new ControlPlane({ store, clock, logger, faults, parts: own, http: options.http ?? false });
  const plane = await lifecycle.run(unstarted, signal);
  const transport = plane.transport(ADMIN);
  const client = createClient(transport);
  const reader = createClient(plane.partTransport(CONTROLLER_MANAGER));
  const informers = await lifecycle.run(new InformerFactory({ client: reader, clock, logger }), signal);
  const world = { ...parts, client, informers, plane };
  await startControllers(options, world);
  await startScheduler(options, world);
  const nodes = await startNodes(options, world);
  if (options.metrics === true) await lifecycle.run(await metricsServer(nodes, world), signal);
  if (options.volumes === true) await lifecycle.run(new TestStorage({ ...world, transport }), signal);
  const close = closing(lifecycle, problems);
  return {
    client,
    transport,
    informers,
    runtimes: new Map(nodes.map(({ name, runtime }) => [name, runtime])),
    faults,
    clientAs: (user) => createClient(plane.transport(user)),
    get url() {
      return plane.https?.frontend.url;
    },
    kubeconfig: () => kubeconfigOf(plane),
    control: (definition) => runDefined(problems.watch(definition), world),
    restart: () => plane.restart(),
    snapshot: () => new Snapshot(store.fork()),
    restore: (snapshot) => snapshot.restoreTo(store),
    fork: (others = {}) => startCluster({ ...options, ...others, from: new Snapshot(store.fork()) }),
    get problems() {
      return problems.list;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function closing(lifecycle: Lifecycle, problems: Problems): () => Promise<void> {
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await lifecycle.stop();
    problems[Symbol.dispose]();
    if (problems.list.length > 0) throw new Error(problems.list.join('\n'));
  };
  return () => (closed ??= close());
}

function kubeconfigOf({ https }: ControlPlane): string {
  if (!https) throw new Error('The cluster serves no HTTPS: start it with { http: true }');
  return https.kubeconfig;
}

async function runDefined<T extends KubernetesObject>(definition: ControllerDefinition<T>, world: World): Promise<Runnable> {
  const events = new EventRecorder({ ...world, component: definition.name ?? definition.for.resource });
  await world.lifecycle.run(
    stopOnly('events', () => events.stop()),
    world.signal,
  );
  return world.lifecycle.run(defineController(definition, { ...world, events }), world.signal);
}

type World = Parts & Pick<TestCluster, 'client' | 'informers'> & { readonly plane: ControlPlane };

async function startControllers({ controllers: wanted = true, http = false }: TestClusterOptions, world: World): Promise<void> {
  if (wanted === false) return;
  const { plane } = world;
  const options: ControllerOptions = {
    rootCa: http ? (await plane.authority()).certificate : '',
    signer: { sign: async (...request) => (await plane.authority()).sign(...request) },
    legacyTokens: { issue: (subject) => plane.legacyTokens.issue(subject) },
    bootstrapTokens: true,
  };
  const controllers = Object.entries(builtinControllers(options)).map(([name, create]) => ({ name, create }));
  const enabled = wanted === true ? ['*'] : wanted;
  const clientOf = (name: string): Client => createClient(plane.partTransport(controllerUser(name) ?? accountUser(name)));
  await world.lifecycle.run(new Controllers({ ...world, controllers, clientOf }, { enabled }), world.signal);
}

async function startScheduler({ scheduler: wanted = true }: TestClusterOptions, world: World): Promise<void> {
  if (wanted === false) return;
  const own = { ...world, client: createClient(world.plane.partTransport(SCHEDULER)) };
  const events = new EventRecorder({ ...own, component: 'default-scheduler' });
  await world.lifecycle.run(
    stopOnly('events of default-scheduler', () => events.stop()),
    world.signal,
  );
  const plugins = wanted === true ? [] : wanted.plugins;
  const scheduler = new Scheduler({ ...own, observer: new EventObserver(events) }, { plugins });
  await world.lifecycle.run(scheduler, world.signal);
}

async function startNodes({ nodes = 1 }: TestClusterOptions, world: World): Promise<readonly SimulatedNode[]> {
  const wanted = typeof nodes === 'number' ? Array.from({ length: nodes }, (_, at) => ({ name: `node-${at + 1}` })) : nodes;
  const { client: admin, plane, clock, logger } = world;
  const made = wanted.map((each, at) => {
    const client = createClient(plane.partTransport(nodeUser(each.name)));
    return new SimulatedNode(each, at + 1, { client, admin, clock, logger });
  });
  for (const node of made) await world.lifecycle.run(node, world.signal);
  return made;
}

function stopOnly(name: string, stop: () => Promise<void>): Runnable {
  return { name, start: async () => undefined, stop };
}
