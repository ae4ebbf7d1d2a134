import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import {
  createAuthority,
  createSigningKey,
  isIssuedBy,
  loadAuthority,
  namesHosts,
  type CertificateAuthority,
  type CertificateRequest,
  type KeyedCertificate,
} from '@keelson/pki';

/** What an API server needs to be trusted and to know its callers. */
export interface ServerCredentials {
  readonly authority: CertificateAuthority;
  readonly serving: KeyedCertificate;
  /** PEM; signs service account tokens. */
  readonly signingKey: string;
  /** A client certificate of the group `system:masters`. */
  readonly admin: KeyedCertificate;
  /** How extension API servers know this one. Of an authority of its own: whom it has signed may speak in anybody's name. */
  readonly frontProxy: KeyedCertificate & { readonly authority: string };
}

export interface CredentialsOptions {
  /** Where keys and certificates are kept; made if it is not there. */
  readonly directory: string;
  /** The addresses and names under which the server is reached. */
  readonly hosts: readonly string[];
  readonly now: () => number;
}

/** The name of the certificate by which extension API servers know a front proxy. */
export const FRONT_PROXY_CLIENT = 'front-proxy-client';
const RENEW_BEFORE_MS = 30 * 86_400_000;
const SERVICE_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
];

/**
 * Loads the credentials in a directory, and makes what is missing, runs out within a month or lacks one of the hosts. The authority and
 * the signing key are made once and kept.
 */
export async function ensureCredentials(options: CredentialsOptions): Promise<ServerCredentials> {
  const { directory, now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new KeelsonError('ServiceUnavailable', `Cannot keep credentials in "${directory}"`, { cause });
  });
  const [authority, proxyAuthority] = await Promise.all([
    ensureAuthority(options, 'ca', 'kubernetes'),
    ensureAuthority(options, 'front-proxy-ca', 'front-proxy-ca'),
  ]);
  const hosts = [...new Set([...SERVICE_NAMES, ...options.hosts])];
  const keep = { directory, authority, now };
  const [serving, admin, frontProxy, signingKey] = await Promise.all([
    ensureCertificate(keep, 'apiserver', { commonName: 'kube-apiserver', ...namesOf(hosts), usages: ['server'] }),
    ensureCertificate(keep, 'admin', {
      commonName: 'kubernetes-admin',
      organizations: ['system:masters'],
      usages: ['client'],
    }),
    ensureCertificate({ ...keep, authority: proxyAuthority }, FRONT_PROXY_CLIENT, {
      commonName: FRONT_PROXY_CLIENT,
      usages: ['client'],
    }),
    ensureSigningKey(directory),
  ]);
  return { authority, serving, admin, frontProxy: { ...frontProxy, authority: proxyAuthority.certificate }, signingKey };
}

/** Loads a certificate of that name; issues it if it is missing, runs out within a month or lacks one of the names that it should have. */
export function ensureCertificate(
  keep: { readonly directory: string; readonly authority: CertificateAuthority; readonly now: () => number },
  name: string,
  request: CertificateRequest,
): Promise<KeyedCertificate> {
  const { directory, authority, now } = keep;
  const hosts = [...(request.dnsNames ?? []), ...(request.ipAddresses ?? [])];
  const isGood = ({ certificate }: KeyedCertificate): boolean =>
    isIssuedBy(certificate, authority, now(), RENEW_BEFORE_MS) && namesHosts(certificate, hosts);
  return ensurePair(directory, name, isGood, () => authority.issue(request));
}

/** Hosts as a certificate has them. */
export function namesOf(hosts: readonly string[]): {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
} {
  return { dnsNames: hosts.filter((host) => !isAddress(host)), ipAddresses: hosts.filter(isAddress) };
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}

async function ensureAuthority(
  { directory, now }: Pick<CredentialsOptions, 'directory' | 'now'>,
  name: string,
  commonName: string,
): Promise<CertificateAuthority> {
  const pair = await readPair(directory, name);
  if (pair) return loadAuthority(pair, now);
  const authority = await createAuthority({ commonName, now });
  await writePair(directory, name, authority);
  return authority;
}

async function ensureSigningKey(directory: string): Promise<string> {
  const file = join(directory, 'sa.key');
  if (existsSync(file)) return readFile(file, 'utf8');
  const { privateKey, publicKey } = await createSigningKey();
  await writeFileAtomic(join(directory, 'sa.pub'), publicKey, 0o644);
  await writeFileAtomic(file, privateKey, 0o600);
  return privateKey;
}

async function ensurePair(
  directory: string,
  name: string,
  isGood: (pair: KeyedCertificate) => boolean,
  issue: () => Promise<KeyedCertificate>,
): Promise<KeyedCertificate> {
  const found = await readPair(directory, name);
  if (found && isGood(found)) return found;
  const made = await issue();
  await writePair(directory, name, made);
  return made;
}

async function readPair(directory: string, name: string): Promise<KeyedCertificate | undefined> {
  const [certificateFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  if (!existsSync(certificateFile) || !existsSync(keyFile)) return undefined;
  const [certificate, privateKey] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { certificate, privateKey };
}

/** The key first: a crash in between leaves no certificate, and the pair is made again. */
async function writePair(directory: string, name: string, pair: KeyedCertificate): Promise<void> {
  await writeFileAtomic(join(directory, `${name}.key`), pair.privateKey, 0o600);
  await writeFileAtomic(join(directory, `${name}.crt`), pair.certificate, 0o644);
}

/** Writes all of a file or nothing of it. */
export async function writeFileAtomic(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(draft, text, { mode });
    await rename(draft, file);
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot write "${file}"`, { cause });
  }
}
