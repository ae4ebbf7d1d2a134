import { KeelsonError } from '@keelson/base';

export interface DnsServerOptions {
  /** Default: all IPv4 addresses of the machine. */
  readonly host?: string;
  /** Of UDP and TCP. Default 53; 0 takes a free one. */
  readonly port?: number;
  /** The cluster domain. Default `cluster.local`. */
  readonly zone?: string;
  /** Of the cluster's own records, in seconds, 0 to 3,600. Default 5. */
  readonly ttlSeconds?: number;
  /** Whether names of pods (`10-0-0-1.NAMESPACE.pod.ZONE`) are answered; any address is, as nobody looks for the pod. Default true. */
  readonly podNames?: boolean;
  /** Who knows all other names: `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. Default nobody; such names are refused. */
  readonly upstreams?: readonly string[];
  /** For one attempt with an upstream. Default 2,000. */
  readonly timeoutMs?: number;
  /** Different questions that upstreams are asked at the same time; more are answered with SERVFAIL. Default 1,000. */
  readonly maxInFlight?: number;
  /** How many answers of upstreams are kept. Default 10,000. */
  readonly cacheSize?: number;
  /** The longest time that an answer of an upstream is kept. Default 30. */
  readonly cacheTtlSeconds?: number;
  /** The largest packet that is sent over UDP, 512 to 65,535. Default 1,232, which no network splits. */
  readonly udpPayloadSize?: number;
  /** Default 1,000. */
  readonly maxTcpConnections?: number;
  /** After this time without a byte a connection is closed. Default 10,000. */
  readonly tcpIdleTimeoutMs?: number;
  /** From 0 to below 1: where an answer with several addresses begins. Default `Math.random`. */
  readonly random?: () => number;
}

export type FullDnsServerOptions = Required<Omit<DnsServerOptions, 'cacheSize' | 'cacheTtlSeconds'>> & {
  readonly size: number;
  readonly longestTtlSeconds: number;
};

/** Throws `BadRequest` for what cannot be. */
export function withDefaults(options: DnsServerOptions): FullDnsServerOptions {
  const { zone = 'cluster.local', ttlSeconds = 5, udpPayloadSize = 1_232, upstreams = [] } = options;
  checkRange('ttlSeconds', ttlSeconds, 0, 3_600);
  checkRange('udpPayloadSize', udpPayloadSize, 512, 65_535);
  const lowerCase = zone.toLowerCase().replace(/\.$/, '');
  if (!/^[a-z\d-]{1,63}(\.[a-z\d-]{1,63})*$/.test(lowerCase))
    throw new KeelsonError('BadRequest', `Cannot serve zone "${zone}": it is not a domain name`);
  return {
    host: options.host ?? '0.0.0.0',
    port: options.port ?? 53,
    zone: lowerCase,
    ttlSeconds,
    podNames: options.podNames ?? true,
    upstreams,
    timeoutMs: options.timeoutMs ?? 2_000,
    maxInFlight: options.maxInFlight ?? 1_000,
    size: options.cacheSize ?? 10_000,
    longestTtlSeconds: options.cacheTtlSeconds ?? 30,
    udpPayloadSize,
    maxTcpConnections: options.maxTcpConnections ?? 1_000,
    tcpIdleTimeoutMs: options.tcpIdleTimeoutMs ?? 10_000,
    random: options.random ?? Math.random,
  };
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new KeelsonError('BadRequest', `Cannot use ${name} ${value}: it has to be from ${least} to ${most}`);
}
