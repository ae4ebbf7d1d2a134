import type { Service } from '@keelson/api/core/v1';
import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';
import { canonicalAddress, dashedAddress } from '../addresses.ts';

/** Where an SRV record leads. */
export interface SrvTarget {
  readonly port: number;
  /** The label of an endpoint; empty for the service itself. */
  readonly label: string;
}

/** What one name holds. */
export interface NameRecords {
  readonly a: readonly string[];
  readonly aaaa: readonly string[];
  readonly srv: readonly SrvTarget[];
  /** Without the dot at its end. */
  readonly cname?: string;
}

/** What a Service gives to the zone. */
export interface ServiceRecords {
  /** By what comes before `SERVICE.NAMESPACE.svc.ZONE`: empty for that name itself, `web-0`, `_http._tcp`. In lower case. */
  readonly names: ReadonlyMap<string, NameRecords>;
  /** Which label (empty: the service itself) an address leads back to. */
  readonly pointers: readonly { readonly address: string; readonly label: string }[];
}

const NOTHING: NameRecords = { a: [], aaaa: [], srv: [] };
const NO_RECORDS: ServiceRecords = { names: new Map(), pointers: [] };
/** From before `publishNotReadyAddresses`; the specification still knows it. */
const TOLERATE_UNREADY = 'service.alpha.kubernetes.io/tolerate-unready-endpoints';

/** Pure: the records of a Service by the Kubernetes DNS specification. Without names if the Service has none (yet). */
export function serviceRecords(service: Service, slices: readonly EndpointSlice[]): ServiceRecords {
  const { type, externalName, clusterIP } = service.spec ?? {};
  if (type === 'ExternalName') return externalName ? aliasRecords(externalName) : NO_RECORDS;
  return clusterIP === 'None' ? headlessRecords(service, slices) : clusterIpRecords(service);
}

function aliasRecords(externalName: string): ServiceRecords {
  const cname = externalName.replace(/\.$/, '');
  return { names: new Map([['', { ...NOTHING, cname }]]), pointers: [] };
}

function clusterIpRecords({ spec = {} }: Service): ServiceRecords {
  const addresses = canonicalAddresses(spec.clusterIPs ?? [spec.clusterIP ?? '']);
  if (addresses.length === 0) return NO_RECORDS;
  const builder = new RecordsBuilder();
  for (const address of addresses) builder.addAddress('', address);
  for (const { name, port, protocol } of spec.ports ?? []) builder.addPort(name, protocol, { port, label: '' });
  return { names: builder.names, pointers: addresses.map((address) => ({ address, label: '' })) };
}

function headlessRecords(service: Service, slices: readonly EndpointSlice[]): ServiceRecords {
  const unready = service.spec?.publishNotReadyAddresses || service.metadata?.annotations?.[TOLERATE_UNREADY] === 'true';
  const builder = new RecordsBuilder();
  const pointers = new Map<string, ServiceRecords['pointers'][number]>();
  for (const { endpoints = [], ports = [] } of slices) {
    for (const endpoint of endpoints) {
      const address = addressOf(endpoint);
      if (address === undefined || !(unready || (endpoint.conditions?.ready ?? true))) continue;
      const label = (endpoint.hostname ?? dashedAddress(address)).toLowerCase();
      builder.addAddress('', address);
      builder.addAddress(label, address);
      for (const { name, port, protocol } of ports) if (port) builder.addPort(name, protocol, { port, label });
      pointers.set(`${address} ${label}`, { address, label });
    }
  }
  return { names: builder.names, pointers: [...pointers.values()] };
}

/** Only the first address counts: the others are for no one, by the API's own word. Undefined for an FQDN. */
function addressOf({ addresses }: Endpoint): string | undefined {
  return addresses[0] === undefined ? undefined : canonicalAddress(addresses[0]);
}

function canonicalAddresses(addresses: readonly string[]): string[] {
  return addresses.map(canonicalAddress).filter((address) => address !== undefined);
}

/** Collects records, each once: an endpoint that moves between slices is in both for a while. */
class RecordsBuilder {
  readonly names = new Map<string, { a: string[]; aaaa: string[]; srv: SrvTarget[] }>();
  readonly #seen = new Set<string>();

  addAddress(label: string, address: string): void {
    if (!this.#isNew(`${label} ${address}`)) return;
    const records = this.#at(label);
    (address.includes(':') ? records.aaaa : records.a).push(address);
  }

  addPort(name: string | undefined, protocol = 'TCP', target: SrvTarget): void {
    if (!name) return;
    const parent = `_${protocol.toLowerCase()}`;
    const at = `_${name.toLowerCase()}.${parent}`;
    if (!this.#isNew(`${at} ${target.port} ${target.label}`)) return;
    this.#at(at).srv.push(target);
    // It exists, as there is something below it.
    this.#at(parent);
  }

  #isNew(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  #at(name: string): { a: string[]; aaaa: string[]; srv: SrvTarget[] } {
    let records = this.names.get(name);
    if (!records) this.names.set(name, (records = { a: [], aaaa: [], srv: [] }));
    return records;
  }
}
