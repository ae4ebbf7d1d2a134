import type { NodeAddress, Taint } from '@keelson/api/core/v1';
import type { Clock, Logger } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { ContainerRuntime } from '@keelson/runtime';
import type { Observable } from 'rxjs';
import type { ImageGcOptions } from './images/image-gc.ts';
import type { Observe } from './eviction/observe.ts';
import type { EvictionOptions } from './eviction/thresholds.ts';
import type { EventSink, NetworkGuard, PodSource, ServiceSource } from './ports.ts';
import type { Mounter } from './volumes/mounter.ts';
import type { Authorize } from './server/contracts.ts';

export interface ServingOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 10250; 0 takes any free one. */
  readonly port?: number;
  /** PEM. Without it the server speaks plain HTTP, which is for loopback only. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly clientCa: string;
    /** Certificates that take the place of the first one, for connections that come later. Never errors. */
    readonly renewed$?: Observable<{ readonly certificate: string; readonly privateKey: string }>;
  };
  /** Says who may do what. Default: who has a client certificate of the group `system:masters`, everything. See `delegatedAuthorize`. */
  readonly authorize?: Authorize;
  /** Who brings neither certificate nor token is `system:anonymous` to the API server, which then says what that may do. Default false. */
  readonly anonymous?: boolean;
}

export interface KubeletOptions {
  readonly nodeName: string;
  /** Default: the loopback address and the node's name. */
  readonly addresses?: readonly NodeAddress[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  /** Overrides what is found out about the machine: `cpu`, `memory`, `ephemeral-storage`. */
  readonly capacity?: Readonly<Record<string, string>>;
  /** Where volumes of pods live. Each kubelet needs one of its own. */
  readonly rootDir: string;
  /** `false`: no HTTPS API. */
  readonly serving?: ServingOptions | false;
  /** A range that the node's pods get their addresses out of, or one of each family with a comma between. */
  readonly podCidr?: string;
  readonly clusterDns?: readonly string[];
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Default 110. */
  readonly maxPods?: number;
  /** What of `capacity` is kept from pods, for the system and for the kubelet itself. */
  readonly reserved?: Readonly<Record<string, string>>;
  /** What to do when the node runs out of memory, disk or processes. Default: nothing. `{}`: as Kubernetes does it by default. */
  readonly eviction?: EvictionOptions;
  /** How images that nobody uses are removed when their disk fills up. `false`: they are not. Default: as Kubernetes does it, of those that the kubelet has pulled. */
  readonly imageGc?: ImageGcOptions | false;
  /** Where the runtime keeps images. Default: what the runtime says, or on the disk of `rootDir`. */
  readonly imageDir?: string;
  /** Of each container, when its log is put aside: `10Mi`. Default: what the runtime was made with. */
  readonly containerLogMaxSize?: string;
  /** How many files there are of a log, at least 2. Default: what the runtime was made with. */
  readonly containerLogMaxFiles?: number;
  /** Kernel settings of a pod that are let in beyond those that are known to be safe; `net.core.*` is for all of a kind. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** How many images are pulled at the same time. Default 5. */
  readonly maxParallelImagePulls?: number;
  /**
   * Stopping the kubelet ends its pods: for when the machine goes down. `graceSeconds` in all, of which the last `criticalSeconds` are for
   * critical pods. Default: pods go on.
   */
  readonly shutdown?: { readonly graceSeconds: number; readonly criticalSeconds: number };
  /** A directory of manifests: the pods in it run as long as their file is there, whether or not there is an API. Default: none. */
  readonly staticPodPath?: string;
  /** A manifest on a server, of one pod or a list of them, that run as those of `staticPodPath` do. Default: none. */
  readonly staticPodUrl?: string;
  /** What is sent along when it is asked for. */
  readonly staticPodUrlHeaders?: Readonly<Record<string, readonly string[]>>;
}

export interface KubeletDependencies {
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pods: PodSource;
  readonly services: ServiceSource;
  readonly events: EventSink;
  /** Has a say before anything runs in the network of a pod. Default: nobody has. */
  readonly networkGuard?: NetworkGuard;
  /** How volumes are mounted; by the machine's own programs if absent. */
  readonly mounter?: Mounter;
  /** Looks at what the node has left, for evictions. Default: the machine's kernel says. */
  readonly observe?: Observe;
}
