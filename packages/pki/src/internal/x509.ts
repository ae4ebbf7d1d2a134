import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
  type X509Certificate,
} from 'node:crypto';
import { isIPv4 } from 'node:net';
import { promisify } from 'node:util';
import { bitString, element, elements, integer, octetString, oid, sequence, set, time, utf8, yes } from './der.ts';

// X.509 version 3 certificates as RFC 5280 has them, signed by ECDSA with SHA-256.

const SIGNATURE = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const CONTEXT = 0x80;
const CONSTRUCTED_CONTEXT = 0xa0;
const USAGE_OIDS = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** What a certificate says beside who signs it. */
export interface CertificateContent {
  /** DER, of `distinguishedName` or `subjectOf`. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** Signs a certificate; PEM. */
export function signCertificate(content: CertificateContent, signingKeyPem: string): string {
  const toSign = sequence(
    element(CONSTRUCTED_CONTEXT, integer(Buffer.from([2]))),
    integer(randomSerial()),
    SIGNATURE,
    content.issuer,
    sequence(time(content.notBefore), time(content.notAfter)),
    content.subject,
    content.publicKey.export({ type: 'spki', format: 'der' }),
    element(CONSTRUCTED_CONTEXT | 3, sequence(...content.extensions)),
  );
  const signature = sign('sha256', toSign, createPrivateKey(signingKeyPem));
  return pem('CERTIFICATE', sequence(toSign, SIGNATURE, bitString(signature)));
}

/** 16 random bytes, positive and without leading zero (RFC 5280, 4.1.2.2). */
function randomSerial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

export function distinguishedName(commonName: string, organizations: readonly string[] = []): Buffer {
  const part = (type: string, value: string): Buffer => set(sequence(oid(type), utf8(value)));
  return sequence(part(COMMON_NAME, commonName), ...organizations.map((name) => part(ORGANIZATION, name)));
}

/** The extensions of a certificate that signs others. */
export function authorityExtensions(publicKey: KeyObject): Buffer[] {
  return [
    extension('2.5.29.19', sequence(yes()), 'critical'), // basic constraints
    extension('2.5.29.15', bitString(Buffer.from([0b1000_0110]), 1), 'critical'), // key usage: signature, certificates, revocation
    extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdentifier(publicKey))),
  ];
}

export interface LeafNames {
  readonly usages: readonly ('client' | 'server')[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** The extensions of a certificate for a server or a client, signed by `authority`. */
export function leafExtensions({ usages, dnsNames, ipAddresses }: LeafNames, authority: X509Certificate): Buffer[] {
  const names = [
    ...dnsNames.map((name) => element(CONTEXT | 2, Buffer.from(name))),
    ...ipAddresses.map((address) => element(CONTEXT | 7, addressBytes(address))),
  ];
  const authorityKey = element(CONTEXT, subjectKeyIdentifierOf(authority) ?? keyIdentifier(authority.publicKey));
  return [
    extension('2.5.29.19', sequence(), 'critical'),
    extension('2.5.29.15', bitString(Buffer.from([0b1000_0000]), 7), 'critical'), // key usage: signature
    extension('2.5.29.37', sequence(...usages.map((usage) => oid(USAGE_OIDS[usage])))),
    extension('2.5.29.35', sequence(authorityKey)),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names))] : []),
  ];
}

function extension(type: string, value: Buffer, critical?: 'critical'): Buffer {
  return sequence(oid(type), ...(critical ? [yes()] : []), octetString(value));
}

/** RFC 5280, 4.2.1.2, the first way. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const [info] = elements(publicKey.export({ type: 'spki', format: 'der' }));
  const [, key] = info ? elements(info.content) : [];
  // The first byte counts unused bits.
  return createHash('sha1')
    .update(key?.content.subarray(1) ?? '')
    .digest();
}

/** The subject of a certificate, as it is: what those it signs name as their issuer. */
export function subjectOf(certificate: X509Certificate): Buffer {
  return partsOf(certificate)[5]?.whole ?? sequence();
}

/** Version, serial number, algorithm, issuer, validity, subject, public key, extensions. */
function partsOf({ raw }: X509Certificate): ReturnType<typeof elements> {
  const [certificate] = elements(raw);
  const [signed] = certificate ? elements(certificate.content) : [];
  return signed ? elements(signed.content) : [];
}

function subjectKeyIdentifierOf(certificate: X509Certificate): Buffer | undefined {
  const extensions = partsOf(certificate).find(({ tag }) => tag === (CONSTRUCTED_CONTEXT | 3));
  const [list] = extensions ? elements(extensions.content) : [];
  for (const { content } of list ? elements(list.content) : []) {
    const [type, ...rest] = elements(content);
    const value = rest.at(-1);
    if (type?.whole.equals(oid(SUBJECT_KEY_IDENTIFIER)) && value) return elements(value.content)[0]?.content;
  }
  return undefined;
}

/** `addressBytes('::1')` are sixteen bytes, `addressBytes('10.0.0.1')` four. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // URL brings any spelling into one with at most one `::`, and no dots.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from<number>({ length: 8 - before.length - after.length }).fill(0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

/** A new P-256 key pair. */
export const generateKeys = (): Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }> =>
  promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });

export function exportPrivateKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
