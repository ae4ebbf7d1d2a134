import type { ConfiguredOptions } from '@keelson/kubelet';
import { CONTAINERD_ENDPOINT } from '@keelson/runtime-cri';

export const RUNTIMES = ['auto', 'docker', 'lxc', 'cri', 'sim'] as const;
export type RuntimeName = Exclude<(typeof RUNTIMES)[number], 'auto'>;
export const NETWORKS = ['auto', 'cni', 'docker'] as const;
export const PROXY_MODES = ['auto', 'userspace', 'iptables', 'nftables', 'ipvs', 'none'] as const;
export const DNS_CHOICES = ['auto', 'on', 'off'] as const;
export const NETWORK_POLICY_CHOICES = ['auto', 'on', 'off'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** What a bootstrap token can be good for. */
export const TOKEN_USAGES = ['signing', 'authentication'] as const;
/** `lmdb`: in the data directory. `memory`: gone at the end. Or the URL of an etcd cluster, as `etcdOptionsOf` of `@keelson/store-etcd` reads it. */
export type StoreChoice = 'lmdb' | 'memory' | `etcd://${string}`;

/** What `keelson up` can be told. */
export interface ClusterOptions {
  /** Everything that has to outlive the process: keys, store, volumes. */
  readonly dataDir: string;
  /** Of the API server; 0 for any that is free. */
  readonly port: number;
  /** The address that the API server listens on. */
  readonly bindAddress: string;
  /**
   * Where other machines reach this one: the API server listens there too, and nodes have it as their address. Default: `bindAddress` unless that
   * is of the loopback; of all addresses, the machine's first. Without any, this is a cluster of one machine.
   */
  readonly advertiseAddress?: string;
  /** Where the administrator's kubeconfig is written. */
  readonly kubeconfig: string;
  /** `auto`: the first that can be used of Docker, LXC and the simulated one. */
  readonly runtime: (typeof RUNTIMES)[number];
  /** Further runtimes on the node, for pods whose RuntimeClass names them as its handler. */
  readonly moreRuntimes: readonly RuntimeName[];
  /** The socket of the runtime with `cri`: `unix:///PATH`. */
  readonly criEndpoint: string;
  /** More than one only with the simulated runtime; 0 for a control plane alone, whose nodes are other machines. */
  readonly nodes: number;
  /** Who gives pods their network. `auto`: CNI; with Docker its own bridge where there are no plugins, no root or no free addresses. */
  readonly network: (typeof NETWORKS)[number];
  /** Addresses of all pods: a range, or one of each IP family with a comma between. Each node gets a /24, or a /64, of it. */
  readonly clusterCidr: string;
  /** Addresses of Services: ranges of the same families, in the same order. */
  readonly serviceCidr: string;
  /** `auto`: none for simulated pods, nftables or iptables where the process may use it, otherwise userspace. */
  readonly proxyMode: (typeof PROXY_MODES)[number];
  readonly store: StoreChoice;
  /** Cluster DNS for pods. `auto`: where pods are real and the addresses of Services can be reached. */
  readonly dns: (typeof DNS_CHOICES)[number];
  /** Ending the process ends the pods of its nodes too, within so long; the last third is for critical ones. */
  readonly shutdownGracePeriod?: number;
  /** What the kubelets of all nodes do differently. What the options beside it say counts more. */
  readonly kubelet?: ConfiguredOptions;
  /** A directory of manifests, whose pods every node runs by itself. */
  readonly staticPodPath?: string;
  /** Whether NetworkPolicies are enforced. `auto`: for real pods, where nftables works. */
  readonly networkPolicy: (typeof NETWORK_POLICY_CHOICES)[number];
  /** Whether Ingresses are served, on these ports of all addresses. */
  readonly ingress: boolean;
  readonly ingressHttpPort: number;
  readonly ingressHttpsPort: number;
}

/** What is taken where nothing is said. `kubeconfig` is in the data directory. */
export const CLUSTER_DEFAULTS = {
  port: 6443,
  bindAddress: '127.0.0.1',
  runtime: 'auto',
  moreRuntimes: [],
  criEndpoint: CONTAINERD_ENDPOINT,
  nodes: 1,
  network: 'auto',
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  proxyMode: 'auto',
  store: 'lmdb',
  dns: 'auto',
  networkPolicy: 'auto',
  ingress: false,
  ingressHttpPort: 80,
  ingressHttpsPort: 443,
} as const satisfies Omit<ClusterOptions, 'dataDir' | 'kubeconfig'>;

/** `ClusterOptions` of which all but the data directory may be left out. */
export type ClusterChoices = Partial<ClusterOptions> & Pick<ClusterOptions, 'dataDir'>;

/** `ClusterOptions` once it is found out what the machine can do. */
export interface ClusterSettings extends Omit<ClusterOptions, 'network'> {
  readonly runtime: RuntimeName;
  /** `none`: pods are simulated. */
  readonly network: 'cni' | 'docker' | 'none';
  readonly proxyMode: Exclude<ClusterOptions['proxyMode'], 'auto'>;
  readonly dns: 'on' | 'off';
  readonly networkPolicy: 'on' | 'off';
  /** What tells this cluster's containers from those of others. */
  readonly clusterId: string;
}

/** What of it a machine's nodes are made by, wherever the API server is. */
export type MachineSettings = Pick<
  ClusterSettings,
  | 'dataDir'
  | 'clusterId'
  | 'runtime'
  | 'moreRuntimes'
  | 'criEndpoint'
  | 'network'
  | 'clusterCidr'
  | 'serviceCidr'
  | 'proxyMode'
  | 'dns'
  | 'networkPolicy'
  | 'kubelet'
  | 'staticPodPath'
  | 'shutdownGracePeriod'
>;
