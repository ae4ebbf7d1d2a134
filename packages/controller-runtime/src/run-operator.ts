import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { jsonLogger, SystemClock, type Clock, type LogLevel, type Logger, type Runnable } from '@keelson/base';
import { createClient, defaultConfig, httpsTransport, type Client, type ClusterConfig } from '@keelson/client';
import { Registry } from 'prom-client';
import { defineController, type ControllerDefinition, type ControllerWorld } from './define-controller.ts';
import { EventRecorder } from './event-recorder.ts';
import { FeatureGates, type Feature } from './feature-gates.ts';
import { InformerFactory } from './informer-factory.ts';
import { LiveConfiguration } from './live-configuration.ts';
import { Manager } from './manager.ts';
import { StatusServer } from './status-server.ts';
import type { KubernetesObject } from '@keelson/api';

export interface OperatorOptions {
  /** Of events, of the lease, and of what is logged. */
  readonly name: string;
  /** Adds controllers to the operator. */
  readonly setUp: (operator: Operator) => void | Promise<void>;
  /** Where the API server is. By default as kubectl and client-go find it: `KUBECONFIG`, `~/.kube/config`, or the pod's service account. */
  readonly config?: ClusterConfig;
  /** Takes the place of `config`: any other way to an API server, such as one in the same process. */
  readonly client?: Client;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Default `info`; of the default logger, which writes JSON lines to stderr. */
  readonly logLevel?: LogLevel;
  /** Where those who run the operator say how: an `OperatorConfiguration` in YAML. */
  readonly configFile?: string;
  /** What the configuration may switch. */
  readonly features?: Readonly<Record<string, Feature>>;
  /** Work in these namespaces alone, with no rights beyond them. All if absent. */
  readonly namespaces?: readonly string[];
  /** Work only while leading a lease of the operator's name in this namespace (of the config, if true). Default false. */
  readonly leaderElection?: boolean | { readonly namespace: string };
  /** Of `/metrics`, `/healthz` and `/readyz`. None if absent. */
  readonly statusPort?: number;
}

/** What `setUp` gets. */
export interface Operator extends ControllerWorld {
  readonly manager: Manager;
  readonly metrics: Registry;
  readonly features: FeatureGates;
  /** Of the default logger, from now on. */
  setLogLevel(level: LogLevel): void;
  /** Adds the controller of a definition, unless the configuration leaves it out. */
  control<T extends KubernetesObject>(definition: ControllerDefinition<T>): void;
}

/** An operator that runs. */
export interface RunningOperator extends Runnable {
  /** Resolves when the leadership is lost: it works no more, and is to be stopped. */
  readonly lost: Promise<void>;
}

/** Makes an operator, not yet started. For programs there is `runOperator`. */
export async function createOperator(given: OperatorOptions): Promise<RunningOperator> {
  const live = await LiveConfiguration.open(given.configFile, given.logLevel ?? 'info');
  const options: OperatorOptions = { ...given, ...live.values };
  const { name, clock = new SystemClock() } = options;
  const logger =
    options.logger ??
    jsonLogger(
      (line) => process.stderr.write(line),
      () => live.logLevel,
    );
  const config = options.client ? undefined : (options.config ?? defaultConfig());
  const client = options.client ?? createClient(httpsTransport(config ?? defaultConfig()));
  const metrics = new Registry();
  const lost = Promise.withResolvers<void>();
  const election = leaderElectionOf(options, config, () => lost.resolve());
  const informers = new InformerFactory({ client, clock, logger }, options);
  const manager = new Manager({ client, clock, logger, metrics, informers, ...(election && { leaderElection: election }) });
  const events = new EventRecorder({ client, clock, logger, component: name });
  await setUp(options, live, { client, clock, logger, metrics, events, informers, manager });
  const status = statusServer(options, { manager, metrics, clock });
  return {
    name,
    lost: lost.promise,
    start: async (signal) => {
      live.start(clock, logger);
      await status?.start(signal);
      await manager.start(signal);
    },
    stop: async () => {
      await live.stop();
      await manager.stop();
      await events.stop();
      await status?.stop();
      if (!options.client) await client.transport.close();
    },
  };
}

type World = ControllerWorld & Pick<Operator, 'manager' | 'metrics'>;

async function setUp(options: OperatorOptions, live: LiveConfiguration, world: World): Promise<void> {
  const { featureGates, controllers = {} } = live.values;
  await options.setUp({
    ...world,
    features: new FeatureGates(options.features ?? {}, featureGates),
    setLogLevel: (level) => live.setLogLevel(level),
    control: (definition) => {
      const { enabled = true, ...own } = controllers[definition.name ?? definition.for.resource] ?? {};
      const configured = { ...definition, options: { ...definition.options, ...own } };
      if (enabled) world.manager.add(defineController(configured, world));
    },
  });
}

/** Runs an operator until the process is told to end; resolves to an exit code: 1 if it has lost its leadership, to be started anew. */
export async function runOperator(options: OperatorOptions): Promise<number> {
  const stopped = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  const operator = await createOperator(options);
  let isLost = false;
  try {
    await operator.start(stopped.signal);
    const told = new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve(), { once: true }));
    const lost = operator.lost.then(() => void (isLost = true));
    if (!stopped.signal.aborted) await Promise.race([told, lost]);
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    await operator.stop();
  }
  return isLost ? 1 : 0;
}

type Election = NonNullable<ConstructorParameters<typeof Manager>[0]['leaderElection']>;

function leaderElectionOf(
  { name, leaderElection = false }: OperatorOptions,
  config: ClusterConfig | undefined,
  onLost: () => void,
): Election | undefined {
  if (leaderElection === false) return undefined;
  const namespace = leaderElection === true ? (config?.namespace ?? 'default') : leaderElection.namespace;
  return { leaseName: name, namespace, identity: `${hostname()}_${randomUUID()}`, onLost };
}

function statusServer(
  { statusPort }: OperatorOptions,
  { manager, metrics, clock }: { readonly manager: Manager; readonly metrics: Registry; readonly clock: Clock },
): StatusServer | undefined {
  if (statusPort === undefined) return undefined;
  const informers = (): void => {
    const waiting = manager.informers.unsynced();
    if (waiting.length > 0) throw new Error(`not synced: ${waiting.join(', ')}`);
  };
  return new StatusServer({ port: statusPort, metrics, clock, liveness: { ping: () => undefined }, readiness: { informers } });
}
