import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { KeelsonError } from '@keelson/base';
import type { JsonGeneralNames, Name, PublicKey } from '@peculiar/x509';
import { loadX509 } from './internal/x509.ts';

const PEM = /-----BEGIN CERTIFICATE REQUEST-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE REQUEST-----/;
/** What is signed with, by the DER of the algorithm's name; Ed25519 hashes itself. */
const HASHES: ReadonlyMap<string, string | undefined> = new Map([
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2b6570', undefined],
]);
const MALFORMED = 'asn1: structure error: malformed certificate request';

/**
 * What keeps `pem` from being a PKCS #10 certificate request that is signed by the key that it is for, in the words of Go's `crypto/x509`.
 * At once: it cuts the few parts that it needs out of the request itself, as the library that makes certificates takes long to load.
 */
export function certificateRequestProblem(pem: string): string | undefined {
  const [, base64] = PEM.exec(pem) ?? [];
  if (base64 === undefined) return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    return signatureProblem(Buffer.from(base64, 'base64'));
  } catch {
    return MALFORMED;
  }
}

/** Whom a PKCS #10 request wants a certificate for. */
export interface RequestedNames {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

/** The names in a request (PEM). `BadRequest` if it is none. */
export async function requestedNames(pem: string): Promise<RequestedNames> {
  const { subject, names } = await readRequest(pem);
  const ofType = (wanted: string): string[] => names.filter(({ type }) => type === wanted).map(({ value }) => value);
  return {
    // Of several the last one counts, as in Go.
    commonName: subject.getField('CN').at(-1) ?? '',
    organizations: subject.getField('O'),
    dnsNames: ofType('dns'),
    ipAddresses: ofType('ip'),
    emailAddresses: ofType('email'),
    uris: ofType('url'),
  };
}

/** What a certificate takes from a request; of alternative names those kinds that Go knows. */
export interface ReadRequest {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly names: JsonGeneralNames;
}

const KNOWN_NAMES = ['dns', 'ip', 'email', 'url'];

/** Reads a request (PEM) and checks that its key has signed it. `BadRequest` if not, or if it is none. */
export async function readRequest(pem: string): Promise<ReadRequest> {
  const problem = certificateRequestProblem(pem);
  if (problem !== undefined) throw new KeelsonError('BadRequest', `Cannot read the certificate request: ${problem}`);
  const x509 = await loadX509();
  const request = new x509.Pkcs10CertificateRequest(Buffer.from(PEM.exec(pem)?.[1] ?? '', 'base64'));
  const alternative = request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
  const names = alternative?.names.toJSON() ?? [];
  return {
    subject: request.subjectName,
    publicKey: request.publicKey,
    names: names.filter(({ type }) => KNOWN_NAMES.includes(type)),
  };
}

function signatureProblem(request: Buffer): string | undefined {
  const [signed, algorithm, signature] = partsOf(request);
  if (signed === undefined || algorithm === undefined || signature === undefined) return MALFORMED;
  // Version, subject, public key, attributes.
  const key = createPublicKey({ key: partsOf(signed.whole)[2]?.whole ?? Buffer.alloc(0), format: 'der', type: 'spki' });
  const name = partsOf(algorithm.whole)[0]?.content.toString('hex') ?? '';
  if (!HASHES.has(name)) return 'x509: cannot verify signature: algorithm unimplemented';
  // The first byte of a bit string counts the bits that are not used.
  return verify(HASHES.get(name), signed.whole, key, signature.content.subarray(1)) ? undefined : failureOf(key);
}

function failureOf({ asymmetricKeyType }: KeyObject): string {
  if (asymmetricKeyType === 'rsa') return 'crypto/rsa: verification error';
  return `x509: ${asymmetricKeyType === 'ed25519' ? 'Ed25519' : 'ECDSA'} verification failure`;
}

interface Part {
  /** With its tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** The parts of a DER sequence. */
function partsOf(sequence: Buffer): Part[] {
  const { content } = partAt(sequence, 0);
  const parts: Part[] = [];
  for (let at = 0; at < content.length; at += parts.at(-1)?.whole.length ?? content.length) parts.push(partAt(content, at));
  return parts;
}

function partAt(bytes: Buffer, start: number): Part {
  const first = bytes.readUInt8(start + 1);
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(start + 2, lengthBytes);
  const from = start + 2 + lengthBytes;
  if (from + length > bytes.length) throw new RangeError('A part ends behind what holds it');
  return { whole: bytes.subarray(start, from + length), content: bytes.subarray(from, from + length) };
}
