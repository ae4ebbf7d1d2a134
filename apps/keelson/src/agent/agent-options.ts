import { CLUSTER_DEFAULTS, type ClusterOptions } from '../options.ts';

/** What `keelson agent` can be told. What is not explained here is as for `keelson up`. */
export interface AgentOptions extends Pick<
  ClusterOptions,
  | 'dataDir'
  | 'runtime'
  | 'moreRuntimes'
  | 'criEndpoint'
  | 'proxyMode'
  | 'networkPolicy'
  | 'kubelet'
  | 'staticPodPath'
  | 'shutdownGracePeriod'
> {
  /** `https://HOST:PORT` of API servers: the next one is asked when one is away. May be left out once the machine has joined. */
  readonly servers: readonly string[];
  /** A bootstrap token, `ID.SECRET`. Of no use once the machine has joined. */
  readonly token?: string | undefined;
  /** `sha256:HEX` of the public key of the cluster's authority, or of several that it may be. */
  readonly caCertHashes: readonly string[];
  /** Believe whoever knows the token's secret, without any hash. */
  readonly skipCaVerification: boolean;
  readonly nodeName: string;
  /** Where other machines reach this one. Default: the address by which it reaches the first server. */
  readonly nodeIp?: string;
  /** Of the kubelet's API; 0 for any that is free. */
  readonly port: number;
  /** How long to try to join before giving up. A machine that has joined once never gives up. */
  readonly joinTimeoutMs: number;
}

export const AGENT_DEFAULTS = {
  runtime: CLUSTER_DEFAULTS.runtime,
  moreRuntimes: CLUSTER_DEFAULTS.moreRuntimes,
  criEndpoint: CLUSTER_DEFAULTS.criEndpoint,
  proxyMode: CLUSTER_DEFAULTS.proxyMode,
  networkPolicy: CLUSTER_DEFAULTS.networkPolicy,
  servers: [],
  caCertHashes: [],
  skipCaVerification: false,
  port: 10_250,
  joinTimeoutMs: 300_000,
} as const satisfies Omit<AgentOptions, 'dataDir' | 'nodeName'>;
