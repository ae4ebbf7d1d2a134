import { createHash } from 'node:crypto';
import { endpointText, type ProxyEndpoint } from '../endpoints.ts';
import type { ServicePort } from '../service-map.ts';

/** Chains that are made for a single service port or endpoint; all others of ours have fixed names. */
export const SERVICE_CHAIN = /^KUBE-(?:SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/;

type ServiceChainKind = 'SVC' | 'SVL' | 'EXT' | 'FW';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** 28 characters are the most that iptables takes: "KUBE-SVC-" and 16 letters fit. */
const HASH_LETTERS = 16;

/** The name of a service port's chain: the one that kube-proxy gives it. */
export function serviceChain(kind: ServiceChainKind, port: Pick<ServicePort, 'key' | 'protocol'>): string {
  return `KUBE-${kind}-${hash(port.key + port.protocol.toLowerCase())}`;
}

/** The name of the chain of one endpoint of a service port: the one that kube-proxy gives it. */
export function endpointChain(
  port: Pick<ServicePort, 'key' | 'protocol'>,
  endpoint: Pick<ProxyEndpoint, 'address' | 'port'>,
): string {
  return `KUBE-SEP-${hash(port.key + port.protocol.toLowerCase() + endpointText(endpoint))}`;
}

/** The first 80 bits of SHA-256, five bits a letter. */
function hash(text: string): string {
  const bytes = createHash('sha256').update(text).digest();
  let letters = '';
  for (let letter = 0; letter < HASH_LETTERS; letter++) {
    const bit = letter * 5;
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    letters += BASE32[(pair >> (11 - (bit & 7))) & 31];
  }
  return letters;
}
