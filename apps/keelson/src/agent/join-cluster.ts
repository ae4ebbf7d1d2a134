import { findCondition, isDnsSubdomain } from '@keelson/api';
import { ConfigMap, Node } from '@keelson/api/core/v1';
import { errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import {
  createClient,
  failoverTransport,
  httpsTransport,
  type Client,
  type ClusterConfig,
  type Transport,
} from '@keelson/client';
import { discoverCluster } from '@keelson/kubelet';
import { certificatesIn, publicKeyPin } from '@keelson/pki';
import { CLUSTER_CONFIG, configurationIn, type ClusterConfiguration } from '../cluster/joining.ts';
import type { AgentOptions } from './agent-options.ts';
import type { Membership } from './membership.ts';

type Joining = Pick<AgentOptions, 'servers' | 'token' | 'caCertHashes' | 'skipCaVerification' | 'nodeName' | 'dataDir'>;
interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** All of the servers as one, each with this configuration. `BadRequest` if there is none. */
export function connectTo(servers: readonly string[]): (config: ClusterConfig) => Transport {
  return (config) => {
    const [first, ...others] = servers.map((server) => httpsTransport({ ...config, server }));
    if (first) return failoverTransport([first, ...others]);
    throw new KeelsonError('BadRequest', 'No API server is known: add --server https://HOST:PORT');
  };
}

/** What is known of the cluster from before. Throws `BadRequest` if that is not what is meant now. */
export function remembered(known: Membership, options: Joining): Membership {
  const { caCertHashes, dataDir, nodeName, servers } = options;
  const elsewhere = `give another --data-dir, or leave the cluster with: keelson reset --data-dir ${dataDir}`;
  if (known.nodeName !== nodeName) {
    throw new KeelsonError('BadRequest', `"${dataDir}" is of node "${known.nodeName}", not of "${nodeName}": ${elsewhere}`);
  }
  const pins = certificatesIn(known.ca).map(publicKeyPin);
  if (caCertHashes.length > 0 && !pins.some((pin) => caCertHashes.includes(pin))) {
    throw new KeelsonError('BadRequest', `"${dataDir}" is of a cluster whose authority is ${pins.join(', ')}: ${elsewhere}`);
  }
  return servers.length > 0 ? { ...known, servers } : known;
}

/** Finds out whom to trust, whether the node may join, and what it has to agree with the others on. Nothing is changed, here or there. */
export async function meetCluster(deps: Dependencies, options: Joining, signal: AbortSignal): Promise<Membership> {
  const { servers, nodeName, caCertHashes: pins } = options;
  const token = mustBeInvited(options);
  const ca = await discoverCluster(deps, { servers, token, pins }, signal);
  const transport = connectTo(servers)({ server: '', namespace: 'default', ca, token: async () => token });
  try {
    const client = createClient(transport);
    await mustBeFree(client, nodeName, signal);
    return { servers, ca, nodeName, configuration: await configurationOf(client, signal) };
  } finally {
    await transport.close();
  }
}

/** What all nodes have to agree on. */
export async function configurationOf(client: Client, signal: AbortSignal): Promise<ClusterConfiguration> {
  try {
    return configurationIn(await client.resource(ConfigMap).get(CLUSTER_CONFIG, { signal }));
  } catch (cause) {
    signal.throwIfAborted();
    throw new KeelsonError('ServiceUnavailable', `Cannot read the cluster's configuration: ${errorMessage(cause)}`, { cause });
  }
}

function mustBeInvited({ servers, token, caCertHashes, skipCaVerification, nodeName }: Joining): string {
  const [problem] = isDnsSubdomain(nodeName);
  if (problem !== undefined) throw new KeelsonError('BadRequest', `A node cannot be called "${nodeName}": ${problem}`);
  const missing = [
    ...(servers.length > 0 ? [] : ['--server https://HOST:PORT']),
    ...(token === undefined ? ['--token ID.SECRET'] : []),
    ...(caCertHashes.length > 0 || skipCaVerification ? [] : ['--ca-cert-hash sha256:HEX']),
  ];
  if (token !== undefined && missing.length === 0) return token;
  const how = 'as printed by: keelson token create --print-join-command';
  throw new KeelsonError('BadRequest', `This machine has joined no cluster yet: add ${missing.join(' and ')}, ${how}`);
}

/** Two machines under one name would take each other's pods. */
async function mustBeFree(client: Client, nodeName: string, signal: AbortSignal): Promise<void> {
  try {
    const found = await client.resource(Node).find({ name: nodeName }, { signal });
    if (findCondition(found?.status?.conditions, 'Ready')?.status !== 'True') return;
  } catch (cause) {
    if (!isReason(cause, 'Unauthorized', 'Forbidden')) throw cause;
    const why = `it is not for authentication, or has just expired (${cause.message})`;
    throw new KeelsonError('Unauthorized', `The cluster does not let the token in: ${why}`, { cause });
  }
  const way = 'give another --node-name, or delete that node first';
  throw new KeelsonError('AlreadyExists', `There is a node "${nodeName}" in the cluster already, and it is ready: ${way}`);
}
