import type { ApiServer } from '@keelson/api-server';
import type { InformerFactory } from '@keelson/controller-runtime';
import type { Container } from 'inversify';
import type { ClusterSettings } from '../options.ts';
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

/** What the parts around the API server are made from. */
export interface ComponentContext {
  readonly container: Container;
  readonly server: ApiServer;
  readonly credentials: ClusterCredentials;
  readonly settings: ClusterSettings;
  readonly informers: InformerFactory;
  readonly reachable: Reachable;
}
