import type { AnswerCache } from '../forward/answer-cache.ts';
import { rcodeName, type Rcode } from '../wire/rcode.ts';

export type DnsProtocol = 'udp' | 'tcp';

/** Who asked what, in the words of CoreDNS' labels. */
export interface RequestLabels {
  readonly proto: DnsProtocol;
  readonly isIpv6: boolean;
  /** The zone that holds the name; `.` for all others. */
  readonly zone: string;
  readonly type: string;
}

/** Upper bounds of the duration histogram, in seconds. */
const BOUNDS = Array.from({ length: 16 }, (_, index) => 0.00025 * 2 ** index);
/** Clients can ask for 65,536 types; those that nobody needs are counted together. */
const TYPES = new Set(
  'A AAAA ANY CNAME DNSKEY DS HTTPS IXFR AXFR MX NAPTR NS NSEC NSEC3 NULL PTR RRSIG SOA SRV SVCB TXT'.split(' '),
);

interface Durations {
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
}

/** Hot path: counts requests under CoreDNS' names. Text is only made when somebody reads it. */
export class DnsMetrics {
  readonly #server: string;
  readonly #requests = new Map<string, number>();
  readonly #responses = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();

  /** `server` as CoreDNS says it: `dns://:53`. */
  constructor(server: string) {
    this.#server = server;
  }

  record({ proto, isIpv6, zone, type }: RequestLabels, rcode: Rcode, durationMs: number): void {
    const known = TYPES.has(type) ? type : 'other';
    const zoneLabels = `server="${this.#server}",view="",zone="${zone}"`;
    increment(this.#requests, `family="${isIpv6 ? 2 : 1}",proto="${proto}",${zoneLabels},type="${known}"`);
    increment(this.#responses, `plugin="",rcode="${rcodeName(rcode)}",${zoneLabels}`);
    const durations = this.#durations.get(zoneLabels) ?? { buckets: BOUNDS.map(() => 0), sumSeconds: 0, count: 0 };
    this.#durations.set(zoneLabels, durations);
    const seconds = durationMs / 1_000;
    durations.sumSeconds += seconds;
    durations.count += 1;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) durations.buckets[bucket] = (durations.buckets[bucket] ?? 0) + 1;
  }

  /** In Prometheus' text format. */
  text(cache: AnswerCache | undefined): string {
    const lines = [
      ...counter('coredns_dns_requests_total', 'Counter of DNS requests made per zone, protocol and family.', this.#requests),
      ...counter('coredns_dns_responses_total', 'Counter of response status codes.', this.#responses),
      '# HELP coredns_dns_request_duration_seconds Histogram of the time each request took per zone.',
      '# TYPE coredns_dns_request_duration_seconds histogram',
      ...[...this.#durations].flatMap(([labels, durations]) => histogram(labels, durations)),
    ];
    if (cache) lines.push(...this.#cacheLines(cache));
    return `${lines.join('\n')}\n`;
  }

  #cacheLines({ hits, misses, size }: AnswerCache): string[] {
    const labels = `server="${this.#server}",view="",zones="."`;
    return [
      ...counter('coredns_cache_requests_total', 'The count of cache requests.', new Map([[labels, hits + misses]])),
      ...counter('coredns_cache_misses_total', 'The count of cache misses.', new Map([[labels, misses]])),
      '# HELP coredns_cache_entries The number of elements in the cache.',
      '# TYPE coredns_cache_entries gauge',
      `coredns_cache_entries{${labels}} ${size}`,
    ];
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function counter(name: string, help: string, counts: ReadonlyMap<string, number>): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} counter`,
    ...[...counts].map(([labels, count]) => `${name}{${labels}} ${count}`),
  ];
}

function histogram(labels: string, { buckets, sumSeconds, count }: Durations): string[] {
  const name = 'coredns_dns_request_duration_seconds';
  let total = 0;
  const lines = BOUNDS.map((bound, index) => {
    total += buckets[index] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${total}`;
  });
  return [
    ...lines,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sumSeconds}`,
    `${name}_count{${labels}} ${count}`,
  ];
}
