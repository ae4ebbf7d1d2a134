import { ApiServer, bootstrapObjects, ClusterAuth, ensureObjects, Loopback, type UserInfo } from '@keelson/api-server';
import { ServiceAccount } from '@keelson/api/core/v1';
import { Lifecycle, silentLogger, SystemClock, type Clock, type Logger } from '@keelson/base';
import { createClient, type Client, type Transport } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { builtinControllers, Controllers } from '@keelson/controllers';
import { createSigningKey } from '@keelson/pki';
import type { SimulatedRuntime } from '@keelson/runtime';
import { EventObserver, Scheduler, type Plugin } from '@keelson/scheduler';
import { MemoryStore } from '@keelson/store';
import { https } from './https.ts';
import { SimulatedNode, type TestNode } from './simulated-node.ts';

export interface TestClusterOptions {
  /** How many simulated nodes (`node-1`...), or which ones. Default 1. */
  readonly nodes?: number | readonly TestNode[];
  /** The built-in controllers: all, none, or those that `--controllers` would select (`['*', '-node-lifecycle']`). Default all. */
  readonly controllers?: boolean | readonly string[];
  /** Default true. With plugins, these beside the in-tree ones. */
  readonly scheduler?: boolean | { readonly plugins: readonly Plugin[] };
  /** The machine's if absent. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Serve HTTPS too, on any free port of 127.0.0.1. Default false. */
  readonly http?: boolean;
}

/** A cluster that runs. */
export interface TestCluster extends AsyncDisposable {
  /** As a member of `system:masters`. */
  readonly client: Client;
  readonly transport: Transport;
  /** Shared by all parts of the cluster. Running. */
  readonly informers: InformerFactory;
  /** What "runs" the pods, by the name of the node. */
  readonly runtimes: ReadonlyMap<string, SimulatedRuntime>;
  /** Of the API server, if it serves HTTPS. */
  readonly url: string | undefined;
  /** The text of a kubeconfig file, if it serves HTTPS. */
  readonly kubeconfig: string | undefined;
  /** Resolves when nothing of it runs any more. Safe to call again. */
  close(): Promise<void>;
}

interface Parts {
  readonly lifecycle: Lifecycle;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

const ADMIN: UserInfo = { name: 'test-admin', groups: ['system:masters', 'system:authenticated'] };
const SERVICE_CIDR = '10.96.0.0/16';

/**
 * A Kubernetes cluster in this process: API server on a store in memory, built-in controllers, scheduler, and kubelets on simulated runtimes;
 * each part may be left out. Resolves when all of them work; nodes become ready right after. A start that fails leaves nothing behind.
 */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { clock = new SystemClock(), logger = silentLogger } = options;
  const lifecycle = new Lifecycle(logger);
  const parts = { lifecycle, clock, logger, signal: new AbortController().signal };
  try {
    return await startAll(options, parts);
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function startAll(options: TestClusterOptions, parts: Parts): Promise<TestCluster> {
  const { lifecycle, signal, clock, logger } = parts;
  const server = await startServer(parts);
  const serving = options.http === true ? await https(server) : undefined;
  if (serving) await lifecycle.run(serving.frontend, signal);
  const transport = server.transport(ADMIN);
  const client = createClient(transport);
  const informers = await lifecycle.run(new InformerFactory({ client, clock, logger }), signal);
  const world = { ...parts, client, informers };
  await startControllers(options, world);
  await startScheduler(options, world);
  const runtimes = await startNodes(options, world);
  const close = (): Promise<void> => lifecycle.stop();
  const { url } = serving?.frontend ?? {};
  return { client, transport, informers, runtimes, url, kubeconfig: serving?.kubeconfig(), close, [Symbol.asyncDispose]: close };
}

async function startServer({ lifecycle, signal, clock, logger }: Parts): Promise<ApiServer> {
  const store = new MemoryStore({ clock });
  await lifecycle.run(
    stopOnly('store', () => store.close()),
    signal,
  );
  const loopback = new Loopback();
  const { privateKey: signingKey } = await createSigningKey();
  const auth = new ClusterAuth({ clock, logger, transport: loopback.transport }, { signingKey });
  const server = new ApiServer({ store, clock, logger, ...auth.extensions }, { serviceCidr: SERVICE_CIDR });
  loopback.attach(server);
  await lifecycle.run(server, signal);
  await lifecycle.run(
    stopOnly('authorization', () => auth.stop()),
    signal,
  );
  const objects = bootstrapObjects({ serviceCidr: SERVICE_CIDR, advertise: undefined, clientCa: undefined });
  // Without it the namespace could have no pods until a controller has made it, if there is one.
  const account = { metadata: { name: 'default', namespace: 'default' } };
  await ensureObjects(loopback.transport(), [...objects, { kind: ServiceAccount, object: account, reconcile: false }]);
  await auth.ready();
  return server;
}

type World = Parts & Pick<TestCluster, 'client' | 'informers'>;

async function startControllers({ controllers: wanted = true }: TestClusterOptions, world: World): Promise<void> {
  if (wanted === false) return;
  const controllers = Object.entries(builtinControllers({ rootCa: '' })).map(([name, create]) => ({ name, create }));
  const enabled = wanted === true ? ['*'] : wanted;
  await world.lifecycle.run(new Controllers({ ...world, controllers }, { enabled }), world.signal);
}

async function startScheduler({ scheduler: wanted = true }: TestClusterOptions, world: World): Promise<void> {
  if (wanted === false) return;
  const events = new EventRecorder({ ...world, component: 'default-scheduler' });
  await world.lifecycle.run(
    stopOnly('events of default-scheduler', () => events.stop()),
    world.signal,
  );
  const plugins = wanted === true ? [] : wanted.plugins;
  const scheduler = new Scheduler({ ...world, observer: new EventObserver(events) }, { plugins });
  await world.lifecycle.run(scheduler, world.signal);
}

async function startNodes({ nodes = 1 }: TestClusterOptions, world: World): Promise<Map<string, SimulatedRuntime>> {
  const wanted = typeof nodes === 'number' ? Array.from({ length: nodes }, (_, at) => ({ name: `node-${at + 1}` })) : nodes;
  const runtimes = new Map<string, SimulatedRuntime>();
  for (const [at, each] of wanted.entries()) {
    const node = new SimulatedNode(each, at + 1, world);
    runtimes.set(node.name, node.runtime);
    await world.lifecycle.run(node, world.signal);
  }
  return runtimes;
}

function stopOnly(name: string, stop: () => Promise<void>) {
  return { name, start: async () => undefined, stop };
}
