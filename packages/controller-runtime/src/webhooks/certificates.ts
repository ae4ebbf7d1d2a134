import { X509Certificate } from 'node:crypto';
import { Secret } from '@keelson/api/core/v1';
import { errorMessage, isReason, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { createAuthority, isIssuedBy, loadAuthority, namesHosts, type CertificateAuthority } from '@keelson/pki';

/** What a server proves itself by, and what others trust it by; all PEM. */
export interface ServingCertificate {
  readonly certificate: string;
  readonly privateKey: string;
  /** One or more authorities: during a change both the old and the new one. */
  readonly caBundle: string;
}

export interface CertificatesOptions {
  /** The Secret that keeps them, shared by all replicas. Made if it is not there. */
  readonly secret: { readonly name: string; readonly namespace: string };
  /** Under which clients reach the server. */
  readonly hosts: readonly string[];
  /** Of what the server serves with. Default 90. */
  readonly validDays?: number;
  /** Of the authority. Default 365. */
  readonly authorityDays?: number;
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the first certificate, and with each that takes its place. What it rejects with is logged, and it is called again later. */
  readonly onChange: (certificate: ServingCertificate) => Promise<void>;
}

const DAY_MS = 86_400_000;
const CHECK_MS = 10 * 60_000;
/** What is left of a certificate's life when it is renewed. */
const RENEW_SHARE = 1 / 3;

/**
 * Makes an authority and certificates of it for a server, keeps them in a Secret, and renews each when two thirds of its life are over. A new
 * authority is trusted beside the old one before anything it has signed is served. Replicas that share a Secret come to the same certificates.
 */
export class ManagedCertificates implements Runnable {
  readonly name = 'certificates';
  readonly #deps: Dependencies;
  readonly #options: CertificatesOptions;
  readonly #tasks: TaskGroup;
  #current: ServingCertificate | undefined;
  #timer: Disposable | undefined;
  #checking: Promise<void> | undefined;

  constructor(deps: Dependencies, options: CertificatesOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Resolves when there is a certificate, and `onChange` has resolved. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#ensure(signal);
    this.#timer = this.#deps.clock.every(CHECK_MS, () => {
      this.#tasks.run('renewal of certificates', (own) => (this.#checking ??= this.#check(own)));
    });
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
  }

  /** Never rejects. */
  async #check(signal: AbortSignal): Promise<void> {
    try {
      await this.#ensure(signal);
    } catch (error) {
      if (!signal.aborted)
        this.#deps.logger.warn('certificates were not renewed, will try again', { error: errorMessage(error) });
    } finally {
      this.#checking = undefined;
    }
  }

  async #ensure(signal: AbortSignal): Promise<void> {
    const next = await this.#load(signal);
    const before = this.#current;
    if (next.certificate === before?.certificate && next.caBundle === before.caBundle) return;
    await this.#deps.onChange(next);
    this.#current = next;
  }

  /** What is in the Secret, once it is as it should be. */
  async #load(signal: AbortSignal): Promise<ServingCertificate> {
    const secrets = this.#deps.client.resource(Secret);
    for (;;) {
      const known = await secrets.find(this.#options.secret, { signal });
      const kept = keptIn(known);
      const next = await this.#renew(kept);
      if (kept && next === kept) return next;
      const body: Secret = {
        ...known,
        metadata: { ...known?.metadata, ...this.#options.secret },
        type: 'kubernetes.io/tls',
        data: dataOf(next),
      };
      try {
        await (known ? secrets.update(body, { signal }) : secrets.create(body, { signal }));
        return next;
      } catch (error) {
        // Another replica was faster: what it has written counts.
        if (!isReason(error, 'Conflict', 'AlreadyExists')) throw error;
      }
    }
  }

  /** `kept` itself if it is good for a while. */
  async #renew(kept: Kept | undefined): Promise<Kept> {
    const { validDays = 90, authorityDays = 365, hosts } = this.#options;
    const nowMs = this.#deps.clock.now();
    const now = (): number => this.#deps.clock.now();
    const old = kept && usable(kept, now);
    const isOld = !old || expiresMs(old.certificate) - nowMs < authorityDays * DAY_MS * RENEW_SHARE;
    const authority = isOld ? await createAuthority({ commonName: 'keelson webhooks', validDays: authorityDays, now }) : old;
    const caBundle =
      isOld && kept ? authority.certificate + firstCertificate(kept.caBundle) : (kept?.caBundle ?? authority.certificate);
    const isServing =
      kept &&
      authority === old &&
      isIssuedBy(kept.certificate, authority, nowMs, validDays * DAY_MS * RENEW_SHARE) &&
      namesHosts(kept.certificate, hosts);
    if (isServing) return kept;
    // One step at a time: first everybody trusts the new authority, and at the next look it signs.
    if (isOld && kept && expiresMs(kept.certificate) > nowMs) return { ...kept, caBundle, authorityKey: authority.privateKey };
    const issued = await authority.issue({ commonName: hosts[0] ?? 'webhook', ...names(hosts), usages: ['server'], validDays });
    return { ...issued, caBundle, authorityKey: authority.privateKey };
  }
}

interface Kept extends ServingCertificate {
  readonly authorityKey: string;
}

function keptIn(secret: Secret | undefined): Kept | undefined {
  const text = (key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
  const kept = {
    certificate: text('tls.crt'),
    privateKey: text('tls.key'),
    caBundle: text('ca.crt'),
    authorityKey: text('ca.key'),
  };
  return Object.values(kept).includes('') ? undefined : kept;
}

function dataOf({ certificate, privateKey, caBundle, authorityKey }: Kept): Record<string, string> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    'tls.crt': base64(certificate),
    'tls.key': base64(privateKey),
    'ca.crt': base64(caBundle),
    'ca.key': base64(authorityKey),
  };
}

/** The authority that signs; `undefined` if somebody has spoilt it. */
function usable({ caBundle, authorityKey }: Kept, now: () => number): CertificateAuthority | undefined {
  try {
    return loadAuthority({ certificate: firstCertificate(caBundle), privateKey: authorityKey }, now);
  } catch {
    return undefined;
  }
}

/** The newest authority comes first. */
function firstCertificate(bundle: string): string {
  const end = '-----END CERTIFICATE-----';
  return `${bundle.slice(0, bundle.indexOf(end) + end.length)}\n`;
}

function expiresMs(certificate: string): number {
  try {
    return Date.parse(new X509Certificate(certificate).validTo);
  } catch {
    return 0;
  }
}

function names(hosts: readonly string[]): { readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[] } {
  const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host);
  return { dnsNames: hosts.filter((host) => !isAddress(host)), ipAddresses: hosts.filter(isAddress) };
}
