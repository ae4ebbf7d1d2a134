import type { LookupFunction } from 'node:net';
import type { AccessEntry } from './access-log.ts';

/** What `spec.controller` of an IngressClass says for this controller. */
export const CONTROLLER_NAME = 'keelson.dev/ingress';

export interface IngressOptions {
  /** Default: all addresses, of both families where there are both. */
  readonly host?: string;
  /** Default 80; 0 for any that is free. */
  readonly httpPort?: number;
  /** Default 443. */
  readonly httpsPort?: number;
  /** Of the IngressClasses that are served. Default `keelson.dev/ingress`. */
  readonly controllerName?: string;
  /** The class that is made if it is missing, and the name that the annotation of old may have. Default `keelson`. */
  readonly className?: string;
  /** Whether that class is made. Default true. */
  readonly createClass?: boolean;
  /** Whether it is made the default class. Default false. */
  readonly isDefaultClass?: boolean;
  /** Addresses or host names by which clients reach the ports; written to the status of each Ingress. None: no status is written. */
  readonly publish?: readonly string[];
  /** Whether `X-Forwarded-*` of clients are believed: only if all come through another proxy. Default false. */
  readonly trustForwarded?: boolean;
  /**
   * Whether Services of type ExternalName are served. Whoever may make Services can then have the controller reach what it can, but for
   * addresses of this machine and its link; a function resolves names in another way, and what it gives is reached. Default false.
   */
  readonly externalNames?: boolean | LookupFunction;
  /** Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** The longest time in which neither side of a request sends anything. Not for upgraded connections. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** How long connections of clients are kept without a request. Default 75,000. */
  readonly keepAliveMs?: number;
  /** Within which a request's headers have to be there. Default 30,000. */
  readonly headersTimeoutMs?: number;
  /** For each of both ports; more are closed at once. Default 16,384. */
  readonly maxConnections?: number;
  /** Default 32 KiB. */
  readonly maxHeaderBytes?: number;
  /** Requests at the same time on an HTTP/2 connection. Default 128. */
  readonly maxStreams?: number;
  /** How long requests that are under way may take when it stops. Default 30,000. */
  readonly drainMs?: number;
  /** Told of each request when it is over. It must not throw. */
  readonly accessLog?: (entry: AccessEntry) => void;
}

export type FullIngressOptions = Required<Omit<IngressOptions, 'accessLog' | 'host'>> &
  Pick<IngressOptions, 'accessLog' | 'host'>;

export function withDefaults(options: IngressOptions): FullIngressOptions {
  return {
    httpPort: 80,
    httpsPort: 443,
    controllerName: CONTROLLER_NAME,
    className: 'keelson',
    createClass: true,
    isDefaultClass: false,
    publish: [],
    trustForwarded: false,
    externalNames: false,
    connectTimeoutMs: 3_000,
    idleTimeoutMs: 60_000,
    keepAliveMs: 75_000,
    headersTimeoutMs: 30_000,
    maxConnections: 16_384,
    maxHeaderBytes: 32 * 1024,
    maxStreams: 128,
    drainMs: 30_000,
    ...options,
  };
}
