import 'reflect-metadata';
import { join } from 'node:path';
import { CLOCK, errorMessage, KeelsonError, Lifecycle, LOGGER, type Clock, type Logger, type Runnable } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { NodeCredentials } from '@keelson/kubelet';
import { createAuthority } from '@keelson/pki';
import { Container } from 'inversify';
import type { MachineContext, NodeIdentity, Reachable } from '../cluster/component-context.ts';
import type { ClusterConfiguration } from '../cluster/joining.ts';
import { addNetworkPolicy } from '../cluster/network-policy.ts';
import { addNodes, addressesOf } from '../cluster/nodes.ts';
import { addProxy } from '../cluster/proxy.ts';
import { addRoutes } from '../cluster/routes.ts';
import { addVolumes } from '../cluster/storage.ts';
import { runtimeFor } from '../machine.ts';
import type { MachineSettings } from '../options.ts';
import { silentProgress, type Progress } from '../progress.ts';
import type { AgentOptions } from './agent-options.ts';
import { configurationOf, connectTo, meetCluster, remembered } from './join-cluster.ts';
import { settleMachine } from './machine-settings.ts';
import { loadMembership, saveMembership, type Membership } from './membership.ts';

export interface AgentDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: Progress;
  /** Called once everything is bound and nothing is made: binds, rebinds or adds. */
  readonly configure?: (container: Container) => void;
}

/** A server that is there answers sooner; one that is not has told before what is asked. */
const REMEMBER_AFTER_MS = 5_000;

/**
 * One machine as a node of a cluster whose API servers are elsewhere: kubelet, proxy, routes and volumes, the same as `Cluster` runs for its own nodes.
 * What it has joined is kept in its data directory, so that it starts again without a token, and whether or not an API server is there.
 */
export class Agent implements Runnable {
  readonly name = 'agent';
  readonly #options: AgentOptions;
  readonly #deps: AgentDependencies;
  readonly #progress: Progress;
  readonly #lifecycle: Lifecycle;

  constructor(options: AgentOptions, deps: AgentDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#progress = deps.progress ?? silentProgress;
    this.#lifecycle = new Lifecycle(deps.logger);
  }

  /** Resolves when all parts run, for which a machine that has joined waits as long as it takes. What has started is stopped again if something cannot. */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await this.#start(signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Containers and data stay, and the machine is still a member. */
  async stop(): Promise<void> {
    await this.#lifecycle.stop();
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const { dataDir, joinTimeoutMs } = this.#options;
    // What cannot run pods does not join.
    const runtime = await runtimeFor({ ...this.#options, nodes: 1 });
    const known = await loadMembership(dataDir);
    const limit = new AbortController();
    const late = new KeelsonError('Timeout', `This machine could not join the cluster within ${joinTimeoutMs / 1000} s`);
    using _timer = known ? undefined : clock.after(joinTimeoutMs, () => limit.abort(late));
    const joining = AbortSignal.any([signal, limit.signal]);
    const membership = known
      ? remembered(known, this.#options)
      : await this.#progress.step('cluster', () => meetCluster(this.#deps, this.#options, joining));
    const { settings, reachable } = await settleMachine(this.#options, runtime, membership);
    const credentials = await this.#progress.step('credentials', () => this.#known(membership, reachable, joining));
    const configuration = known ? await this.#refreshed(credentials.client, membership, signal) : membership.configuration;
    await saveMembership(dataDir, { ...membership, configuration });
    const node = await this.#identity(credentials, membership);
    const machine = { settings: { ...settings, ...configuration }, reachable };
    await this.#progress.step('node', () => this.#run(node, machine, signal));
  }

  async #known({ ca, nodeName, servers }: Membership, reachable: Reachable, signal: AbortSignal): Promise<NodeCredentials> {
    const { clock, logger } = this.#deps;
    const { dataDir, token } = this.#options;
    const [server = ''] = servers;
    const bootstrap = { server, namespace: 'default', ca, ...(token !== undefined && { token: async () => token }) };
    const addresses = addressesOf(reachable, nodeName);
    const options = { nodeName, directory: join(dataDir, 'pki'), bootstrap, addresses };
    return this.#lifecycle.run(new NodeCredentials({ clock, logger, connect: connectTo(servers) }, options), signal);
  }

  /** As the cluster has it now. One that does not answer has hardly changed it: ranges stay what they are. */
  async #refreshed(client: Client, { configuration }: Membership, signal: AbortSignal): Promise<ClusterConfiguration> {
    const { clock, logger } = this.#deps;
    const enough = new AbortController();
    using _timer = clock.after(REMEMBER_AFTER_MS, () => enough.abort(new Error('there is no answer')));
    try {
      return await configurationOf(client, AbortSignal.any([signal, enough.signal]));
    } catch (error) {
      signal.throwIfAborted();
      logger.warn("the cluster's configuration is taken as it was last", { error: errorMessage(error) });
      return configuration;
    }
  }

  async #identity({ client, servingCertificate }: NodeCredentials, { ca, nodeName: name }: Membership): Promise<NodeIdentity> {
    // Nobody believes one's own, but the kubelet's port is open at once, and is known when the certificate is asked for.
    const first = servingCertificate.current ?? (await selfSigned(name));
    const renewed$ = servingCertificate.certificates$;
    const tls = { cert: first.certificate, key: first.privateKey, clientCa: ca, renewed$ };
    return { name, client, podCidrs: [], tls, port: this.#options.port };
  }

  async #run(
    node: NodeIdentity,
    { settings, reachable }: { readonly settings: MachineSettings; readonly reachable: Reachable },
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, configure, logger } = this.#deps;
    const container = new Container();
    container.bind(CLOCK).toConstantValue(clock);
    container.bind(LOGGER).toConstantValue(logger);
    container.bind(CLIENT).toConstantValue(node.client);
    container.load(controllerRuntimeModule());
    configure?.(container);
    const informers = container.get(INFORMERS);
    await this.#lifecycle.run(informers, signal);
    const context: MachineContext = { container, settings, informers, reachable, nodes: [node] };
    const [parts, policies] = [new Lifecycle(logger), new Lifecycle(logger)];
    // The kubelet asks it, and is not kept waiting by it: what it runs by itself needs no API server.
    addNetworkPolicy(policies, context);
    await addNodes(parts, context);
    parts.add(policies);
    addRoutes(parts, context);
    addProxy(parts, context);
    addVolumes(parts, context, node.client);
    await this.#lifecycle.run(parts, signal);
  }
}

async function selfSigned(nodeName: string): ReturnType<Awaited<ReturnType<typeof createAuthority>>['issue']> {
  const own = await createAuthority({ commonName: `${nodeName}-until-approved` });
  return own.issue({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'], usages: ['server'] });
}
