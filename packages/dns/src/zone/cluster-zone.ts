import type { Answer } from 'dns-packet';
import { addressOfDashed } from '../addresses.ts';
import { RCODE } from '../wire/rcode.ts';
import type { Resolution } from '../wire/response.ts';
import type { NameRecords, SrvTarget } from './service-records.ts';
import type { ZoneIndex } from './zone-index.ts';

export interface ClusterZoneOptions {
  /** The cluster domain, in lower case, without a dot at its end. */
  readonly zone: string;
  readonly ttlSeconds: number;
  /** Whether `1-2-3-4.NAMESPACE.pod.ZONE` is answered. */
  readonly podNames: boolean;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** The version of the Kubernetes DNS specification. */
const SCHEMA_VERSION = '1.1.0';
/** The Service that clients reach the server by, below `svc`: what the zone's NS record is about. */
const OWN_SERVICE = 'kube-dns.kube-system';
const NOTHING: NameRecords = { a: [], aaaa: [], srv: [] };

/** Hot path: answers questions about the cluster domain out of the index; a few map look-ups and the records of the answer. */
export class ClusterZone {
  readonly #index: ZoneIndex;
  readonly #options: ClusterZoneOptions;
  readonly #suffix: string;

  constructor(index: ZoneIndex, options: ClusterZoneOptions) {
    this.#index = index;
    this.#options = options;
    this.#suffix = `.${options.zone}`;
  }

  /** Whether a name (in lower case) is ours to answer. */
  holds(key: string): boolean {
    return key === this.#options.zone || key.endsWith(this.#suffix);
  }

  /** `name` is `key` as the client spelled it, and as the records are spelled. A CNAME record is not followed. */
  resolve(name: string, key: string, type: string): Resolution {
    const relative = key === this.#options.zone ? '' : key.slice(0, -this.#suffix.length);
    if (relative === '') return this.#apex(name, type);
    if (relative === 'dns-version') return this.#text(name, type);
    const records = this.#find(relative);
    return records ? this.#answer(name, relative, records, type) : this.#negative(RCODE.NXDOMAIN);
  }

  /** The names that an address leads back to; undefined if it is not one of the cluster's. */
  resolveAddress(name: string, address: string, type: string): Resolution | undefined {
    const targets = this.#index.namesOf(address);
    if (targets.length === 0) return undefined;
    if (type !== 'PTR') return this.#negative(RCODE.NOERROR);
    return this.#positive(targets.map((target) => this.#record(name, 'PTR', `${target}.svc${this.#suffix}`)));
  }

  /** `LABELS.SERVICE.NAMESPACE.svc` and what is above it. */
  #find(relative: string): NameRecords | undefined {
    const labels = relative.split('.');
    const top = labels.pop();
    if (top === 'pod') return this.#findPod(labels);
    if (top === 'dns') return this.#findServer(labels);
    if (top !== 'svc') return undefined;
    if (labels.length === 0) return NOTHING;
    const namespace = labels.pop() ?? '';
    const service = labels.pop();
    if (service === undefined) return this.#index.hasNamespace(namespace) ? NOTHING : undefined;
    return this.#index.lookUp(`${service}.${namespace}`, labels.join('.'));
  }

  #findPod(labels: readonly string[]): NameRecords | undefined {
    if (!this.#options.podNames) return undefined;
    const [label = '', namespace] = labels;
    if (labels.length === 0) return NOTHING;
    if (namespace === undefined) return this.#index.hasNamespace(label) ? NOTHING : undefined;
    const address = labels.length === 2 ? addressOfDashed(label) : undefined;
    if (address === undefined) return undefined;
    return address.includes(':') ? { ...NOTHING, aaaa: [address] } : { ...NOTHING, a: [address] };
  }

  #findServer([label, ...more]: readonly string[]): NameRecords | undefined {
    if (label === undefined) return NOTHING;
    if (label !== 'ns' || more.length > 0) return undefined;
    return this.#index.lookUp(OWN_SERVICE, '') ?? NOTHING;
  }

  #answer(name: string, relative: string, records: NameRecords, type: string): Resolution {
    if (records.cname !== undefined) return this.#positive([this.#record(name, 'CNAME', records.cname)]);
    switch (type) {
      case 'A':
        return this.#positive(this.#addresses(name, 'A', records.a));
      case 'AAAA':
        return this.#positive(this.#addresses(name, 'AAAA', records.aaaa));
      case 'SRV':
        return this.#services(name, relative, records.srv);
      case 'ANY':
        return this.#refusedAny(name);
    }
    return this.#negative(RCODE.NOERROR);
  }

  #services(name: string, relative: string, targets: readonly SrvTarget[]): Resolution {
    // `_port._proto.` before the name of the service.
    const service = relative.split('.').slice(2).join('.');
    const below = service.slice(0, -'.svc'.length);
    const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
    const answers: Answer[] = [];
    const additionals: Answer[] = [];
    for (const label of new Set(targets.map((target) => target.label))) {
      const owner = nameBelow(label, `${service}${this.#suffix}`);
      const records = this.#index.lookUp(below, label) ?? NOTHING;
      additionals.push(...this.#addresses(owner, 'A', records.a), ...this.#addresses(owner, 'AAAA', records.aaaa));
    }
    for (const { port, label } of targets) {
      const target = nameBelow(label, `${service}${this.#suffix}`);
      const data = { priority: 0, weight, port, target };
      answers.push({ type: 'SRV', name, ttl: this.#options.ttlSeconds, data });
    }
    return { ...this.#positive(answers), additionals };
  }

  /** In order, but from anywhere on: clients take the first one. */
  #addresses(name: string, type: 'A' | 'AAAA', addresses: readonly string[]): Answer[] {
    const count = addresses.length;
    const start = count > 1 ? Math.floor(this.#options.random() * count) : 0;
    return addresses.map((_, index) => this.#record(name, type, addresses[(start + index) % count] ?? ''));
  }

  #apex(name: string, type: string): Resolution {
    if (type === 'SOA') return this.#positive([this.#soa()]);
    if (type === 'NS') return this.#positive([this.#record(name, 'NS', `ns.dns${this.#suffix}`)]);
    return type === 'ANY' ? this.#refusedAny(name) : this.#negative(RCODE.NOERROR);
  }

  #text(name: string, type: string): Resolution {
    if (type === 'ANY') return this.#refusedAny(name);
    if (type !== 'TXT') return this.#negative(RCODE.NOERROR);
    return this.#positive([{ type: 'TXT', name, ttl: this.#options.ttlSeconds, data: SCHEMA_VERSION }]);
  }

  /** RFC 8482: nobody needs all records of a name, but attackers like the size. */
  #refusedAny(name: string): Resolution {
    return this.#positive([{ type: 'HINFO', name, ttl: this.#options.ttlSeconds, data: { cpu: 'RFC8482', os: '' } }]);
  }

  #positive(answers: readonly Answer[]): Resolution {
    if (answers.length === 0) return this.#negative(RCODE.NOERROR);
    return { rcode: RCODE.NOERROR, authoritative: true, answers, authorities: [], additionals: [] };
  }

  #negative(rcode: number): Resolution {
    return { rcode, authoritative: true, answers: [], authorities: [this.#soa()], additionals: [] };
  }

  #record(name: string, type: 'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR', data: string): Answer {
    return { type, name, ttl: this.#options.ttlSeconds, data };
  }

  #soa(): Answer {
    const { zone, ttlSeconds, now } = this.#options;
    const data = {
      mname: `ns.dns.${zone}`,
      rname: `hostmaster.${zone}`,
      serial: Math.floor(now() / 1_000) >>> 0,
      refresh: 7_200,
      retry: 1_800,
      expire: 86_400,
      // How long clients remember that there is no such name.
      minimum: ttlSeconds,
    };
    return { type: 'SOA', name: zone, ttl: ttlSeconds, data };
  }
}

function nameBelow(label: string, name: string): string {
  return label === '' ? name : `${label}.${name}`;
}
