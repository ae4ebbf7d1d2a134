import type { ApiServer } from '@keelson/api-server';
import type { Client } from '@keelson/client';
import type { InformerFactory } from '@keelson/controller-runtime';
import type { ServingOptions } from '@keelson/kubelet';
import type { Container } from 'inversify';
import type { ClusterSettings, MachineSettings } from '../options.ts';
import type { ClusterCredentials } from './credentials.ts';

/** Who is where in the network. */
export interface Reachable {
  /** Where pods and the API server reach the nodes of this process; loopback if pods have no network of their own. */
  readonly nodeAddress: string;
  /** That, and the address of the other family if there are two. */
  readonly nodeAddresses: readonly string[];
  /** The ranges that all pods get their addresses of; none where that is somebody else's affair. */
  readonly podRanges: readonly string[];
}

/** A node of this machine. */
export interface NodeIdentity {
  readonly name: string;
  /** Acts as the node. */
  readonly client: Client;
  /** What it sees by that. The container's informers if absent: those of a machine with one node. */
  readonly informers?: InformerFactory;
  /** Where its pods get their addresses; none if the API says. */
  readonly podCidrs: readonly string[];
  readonly tls: NonNullable<ServingOptions['tls']>;
  /** Of its kubelet's API; 0 for any that is free. */
  readonly port: number;
}

/** What a machine's nodes are made from, and what they share: proxy, routes, policies. */
export interface MachineContext {
  readonly container: Container;
  readonly settings: MachineSettings;
  readonly informers: InformerFactory;
  /** What the proxy sees. The same if absent. */
  readonly proxyInformers?: InformerFactory;
  readonly reachable: Reachable;
  readonly nodes: readonly NodeIdentity[];
}

/** What the parts around the API server are made from. */
export interface ComponentContext extends MachineContext {
  readonly server: ApiServer;
  readonly credentials: ClusterCredentials;
  readonly settings: ClusterSettings;
}
