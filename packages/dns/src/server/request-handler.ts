import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { Resolver } from '../resolver.ts';
import { decodeQuery, type Query } from '../wire/query.ts';
import { RCODE } from '../wire/rcode.ts';
import { encodeError, encodeResponse, failure, type Resolution } from '../wire/response.ts';
import type { DnsMetrics, DnsProtocol } from './dns-metrics.ts';

export interface RequestHandlerParts {
  readonly resolver: Resolver;
  readonly metrics: DnsMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The label that metrics have for a name (in lower case). */
  readonly zoneOf: (key: string) => string;
  readonly recursionAvailable: boolean;
  /** The largest packet that is sent over UDP. */
  readonly udpPayloadSize: number;
}

/** How a packet came. */
export interface Arrival {
  readonly proto: DnsProtocol;
  readonly isIpv6: boolean;
}

/** What every client of UDP can take. */
const SMALLEST_UDP_BYTES = 512;
const LARGEST_TCP_BYTES = 0xffff;

/** Hot path: bytes to bytes. */
export class RequestHandler {
  readonly #parts: RequestHandlerParts;

  constructor(parts: RequestHandlerParts) {
    this.#parts = parts;
  }

  /** The packet to send back, at once if no other server has to be asked; undefined if there is nothing to say. Never throws or rejects. */
  handle(packet: Buffer, arrival: Arrival): Buffer | undefined | Promise<Buffer> {
    const startMs = this.#parts.clock.monotonic();
    const decoded = decodeQuery(packet);
    switch (decoded.kind) {
      case 'noise':
        return undefined;
      case 'error':
        this.#parts.metrics.record({ ...arrival, zone: '.', type: '' }, decoded.rcode, 0);
        return encodeError(decoded.id, decoded.rcode);
      case 'query': {
        const resolution = this.#resolve(decoded.query);
        const finish = (one: Resolution): Buffer => this.#finish(decoded.query, one, arrival, startMs);
        return resolution instanceof Promise ? resolution.then(finish) : finish(resolution);
      }
    }
  }

  #resolve(query: Query): Resolution | Promise<Resolution> {
    try {
      return this.#parts.resolver.resolve(query);
    } catch (error) {
      return this.#failed(query, error);
    }
  }

  #finish(query: Query, resolution: Resolution, arrival: Arrival, startMs: number): Buffer {
    const { metrics, clock, zoneOf } = this.#parts;
    let rcode = resolution.rcode;
    let response: Buffer;
    try {
      response = this.#encode(query, resolution, arrival);
    } catch (error) {
      // Such as records of another server that cannot be written as they were read.
      rcode = RCODE.SERVFAIL;
      response = this.#encode(query, this.#failed(query, error), arrival);
    }
    const labels = { ...arrival, zone: zoneOf(query.key), type: query.type };
    metrics.record(labels, rcode, clock.monotonic() - startMs);
    return response;
  }

  #encode(query: Query, resolution: Resolution, { proto }: Arrival): Buffer {
    const { recursionAvailable, udpPayloadSize } = this.#parts;
    const asked = Math.max(SMALLEST_UDP_BYTES, query.edns?.udpPayloadSize ?? SMALLEST_UDP_BYTES);
    const sizeBytes = proto === 'tcp' ? LARGEST_TCP_BYTES : Math.min(asked, udpPayloadSize);
    return encodeResponse(query, resolution, { sizeBytes, udpPayloadSize, recursionAvailable });
  }

  #failed({ key, type }: Query, error: unknown): Resolution {
    this.#parts.logger.error('cannot answer a question', { name: key, type, error: errorMessage(error) });
    return failure(RCODE.SERVFAIL);
  }
}
