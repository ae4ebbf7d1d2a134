import type { ApiServer } from '@keelson/api-server';
import type { InformerFactory } from '@keelson/controller-runtime';
import type { Container } from 'inversify';
import type { ClusterSettings } from '../options.ts';
import type { ClusterCredentials } from './credentials.ts';

/** Where pods and the API server reach the nodes of this process; loopback if pods have no network of their own. */
export interface Reachable {
  readonly nodeAddress: string;
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
