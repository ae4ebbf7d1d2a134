import type { Clock, Logger, Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import type { Registry } from 'prom-client';
import type { CertificateSigner } from './certificates/certificate-signing-controller.ts';
import type { LoadBalancerOptions } from './service-lb/service-lb-controller.ts';
import type { NodeCidrOptions } from './node-ipam/node-cidrs.ts';
import type { LegacyTokenIssuer } from './serviceaccount-token/service-account-token-controller.ts';

/** What a built-in controller is given. The informers are shared by all; client and events are the controller's own. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Registry;
}

/** Makes a controller, not yet started. */
export type ControllerFactory = (context: ControllerContext) => Runnable;

/** What some controllers have to be told. */
export interface ControllerOptions {
  /** The certificates that pods should trust the API server by, as PEM. */
  readonly rootCa: string;
  /** Signs what CertificateSigningRequests ask for. Without it nothing does. */
  readonly signer?: CertificateSigner;
  /** Makes the tokens that are kept in Secrets. Without it such Secrets stay empty. */
  readonly legacyTokens?: LegacyTokenIssuer;
  /** Sign what the cluster says of itself by bootstrap tokens, and delete those that have expired. Default false, as upstream. */
  readonly bootstrapTokens?: boolean;
  /** Approve the certificates that nodes ask for to serve with, if they are for what they say of themselves. Default false, as upstream. */
  readonly approveServing?: boolean;
  /** Where nodes that bring no pod network get one from. Without it they get none. */
  readonly nodeCidrs?: NodeCidrOptions;
  /** Give Services of type LoadBalancer the addresses of nodes. Without it that is left to others. */
  readonly loadBalancers?: LoadBalancerOptions;
}
