import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { KeelsonError } from '@keelson/base';
import {
  authorityExtensions,
  distinguishedName,
  exportPrivateKey,
  generateKeys,
  leafExtensions,
  signCertificate,
  subjectOf,
} from './internal/x509.ts';

/** A certificate and its private key, both PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  /** The user's name, for clients. */
  readonly commonName: string;
  /** The user's groups, for clients. */
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly ('client' | 'server')[];
  /** Default 365. */
  readonly validDays?: number;
}

const DAY_MS = 86_400_000;
/** Clocks of other machines may be a little behind ours. */
const BACKDATE_MS = 300_000;

/** Signs certificates (ECDSA P-256 with SHA-256). Make one with `createAuthority`, or take up an old one with `loadAuthority`. */
export class CertificateAuthority {
  /** PEM. Anyone may have it. */
  readonly certificate: string;
  /** PEM (PKCS#8). To be kept safe. */
  readonly privateKey: string;
  readonly #now: () => number;

  constructor(pair: KeyedCertificate, now: () => number) {
    this.certificate = pair.certificate;
    this.privateKey = pair.privateKey;
    this.#now = now;
  }

  /** A new key pair and a certificate for it. */
  async issue(request: CertificateRequest): Promise<KeyedCertificate> {
    const { usages, dnsNames = [], ipAddresses = [], validDays = 365 } = request;
    const keys = await generateKeys();
    const issuer = new X509Certificate(this.certificate);
    const now = this.#now();
    const content = {
      issuer: subjectOf(issuer),
      subject: distinguishedName(request.commonName, request.organizations),
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(Math.min(now + validDays * DAY_MS, issuer.validToDate.getTime())),
      publicKey: keys.publicKey,
      extensions: leafExtensions({ usages, dnsNames, ipAddresses }, issuer),
    };
    return { certificate: signCertificate(content, this.privateKey), privateKey: exportPrivateKey(keys.privateKey) };
  }
}

/** A new authority with a self-signed certificate, valid for ten years unless told otherwise. */
export async function createAuthority(options: {
  commonName: string;
  validDays?: number;
  now?: () => number;
}): Promise<CertificateAuthority> {
  const now = options.now ?? Date.now;
  const keys = await generateKeys();
  const name = distinguishedName(options.commonName);
  const content = {
    issuer: name,
    subject: name,
    notBefore: new Date(now() - BACKDATE_MS),
    notAfter: new Date(now() + (options.validDays ?? 3650) * DAY_MS),
    publicKey: keys.publicKey,
    extensions: authorityExtensions(keys.publicKey),
  };
  const privateKey = exportPrivateKey(keys.privateKey);
  return new CertificateAuthority({ certificate: signCertificate(content, privateKey), privateKey }, now);
}

/** Takes up an authority made before. `BadRequest` if the key is not the certificate's, or either is no PEM. */
export function loadAuthority(pair: KeyedCertificate, now: () => number = Date.now): CertificateAuthority {
  if (!isKeyOf(pair))
    throw new KeelsonError('BadRequest', 'Cannot load certificate authority: the private key does not belong to the certificate');
  return new CertificateAuthority(pair, now);
}

function isKeyOf({ certificate, privateKey }: KeyedCertificate): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch (cause) {
    throw new KeelsonError('BadRequest', 'Cannot load certificate authority: certificate or private key is not valid PEM', {
      cause,
    });
  }
}

/** True if `certificate` (PEM) is signed by `authority` and still valid for at least `forMs`. */
export function isIssuedBy(certificate: string, authority: CertificateAuthority, nowMs: number, forMs = 0): boolean {
  try {
    const leaf = new X509Certificate(certificate);
    return leaf.verify(new X509Certificate(authority.certificate).publicKey) && Date.parse(leaf.validTo) > nowMs + forMs;
  } catch {
    return false;
  }
}

/** True if `certificate` (PEM) names all of `hosts`, which may be DNS names or IP addresses. */
export function namesHosts(certificate: string, hosts: readonly string[]): boolean {
  const leaf = new X509Certificate(certificate);
  return hosts.every((host) => (isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host)) !== undefined);
}

/** What signs service account tokens: a P-256 key pair (ES256), both PEM. */
export async function createSigningKey(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const keys = await generateKeys();
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey: exportPrivateKey(keys.privateKey), publicKey };
}
