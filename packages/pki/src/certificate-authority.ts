import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { KeelsonError } from '@keelson/base';
import type * as X509 from '@peculiar/x509';
import { readRequest } from './certificate-request.ts';
import { keyUsagesOf } from './key-usages.ts';
import { exportPrivateKey, generateKeys, importPrivateKey, loadX509, randomSerial, SIGNING_ALGORITHM } from './internal/x509.ts';

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

/** What a PKCS #10 request is signed for. */
export interface SigningOptions {
  /** As CertificateSigningRequests name them: `client auth`, `digital signature`, ... */
  readonly usages: readonly string[];
  readonly validMs: number;
}

const DAY_MS = 86_400_000;
/** Clocks of other machines may be a little behind ours. */
const BACKDATE_MS = 300_000;
/** What is valid for less than this ends when it was asked to; what is valid for longer is put back as a whole. */
const SHORT_MS = 8 * 3_600_000;
const USAGES = { server: ['digital signature', 'server auth'], client: ['digital signature', 'client auth'] } as const;

/** What a certificate says, beside who signed it. */
interface Contents {
  readonly subject: X509.Name;
  readonly names: X509.JsonGeneralNames;
  readonly publicKey: X509.PublicKeyType;
  readonly usages: readonly string[];
  readonly notAfterMs: number;
}

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
    const keys = await generateKeys();
    const x509 = await loadX509();
    const { commonName, organizations = [], dnsNames = [], ipAddresses = [], validDays = 365 } = request;
    const certificate = await this.#certify({
      subject: new x509.Name([{ CN: [commonName] }, ...organizations.map((name) => ({ O: [name] }))]),
      names: [
        ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
        ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
      ],
      publicKey: keys.publicKey,
      usages: request.usages.flatMap((usage) => USAGES[usage]),
      notAfterMs: this.#now() + validDays * DAY_MS,
    });
    return { certificate, privateKey: await exportPrivateKey(keys.privateKey) };
  }

  /**
   * A certificate (PEM) for the key, the subject and the names of a PKCS #10 request (PEM), whatever they are: whoever calls has checked them.
   * Nothing else of the request counts. `BadRequest` if it is none, or the authority itself has run out.
   */
  async sign(request: string, { usages, validMs }: SigningOptions): Promise<string> {
    const contents = await readRequest(request);
    return this.#certify({
      ...contents,
      usages,
      notAfterMs: this.#now() + validMs - (validMs < SHORT_MS ? 0 : BACKDATE_MS),
    });
  }

  async #certify({ subject, names, publicKey, usages, notAfterMs }: Contents): Promise<string> {
    const x509 = await loadX509();
    const issuer = new x509.X509Certificate(this.certificate);
    const { flags, extended } = keyUsagesOf(usages);
    if (issuer.notAfter.getTime() <= this.#now()) throw new KeelsonError('BadRequest', 'Cannot sign: the authority has expired');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: randomSerial(),
      subject,
      issuer: issuer.subjectName,
      notBefore: new Date(this.#now() - BACKDATE_MS),
      notAfter: new Date(Math.min(notAfterMs, issuer.notAfter.getTime())),
      publicKey,
      signingKey: await importPrivateKey(this.privateKey),
      signingAlgorithm: SIGNING_ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
        ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension([...extended])]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  }
}

/** A new authority with a self-signed certificate, valid for ten years unless told otherwise. */
export async function createAuthority(options: {
  commonName: string;
  validDays?: number;
  now?: () => number;
}): Promise<CertificateAuthority> {
  const x509 = await loadX509();
  const now = options.now ?? Date.now;
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: new x509.Name([{ CN: [options.commonName] }]),
    notBefore: new Date(now() - BACKDATE_MS),
    notAfter: new Date(now() + (options.validDays ?? 3650) * DAY_MS),
    signingAlgorithm: SIGNING_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pair = { certificate: `${certificate.toString('pem')}\n`, privateKey: await exportPrivateKey(keys.privateKey) };
  return new CertificateAuthority(pair, now);
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
  const privateKey = await exportPrivateKey(keys.privateKey);
  return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() };
}
