import { findCondition } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { errorMessage, isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { createCertificateRequest } from '@keelson/pki';
import { keyPair, type KeyPair } from './key-pair.ts';

/** What a certificate is to say. */
export interface WantedNames {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export interface WantedCertificate {
  readonly names: WantedNames;
  /** Such as `kubernetes.io/kubelet-serving`. */
  readonly signerName: string;
  /** Such as `digital signature`, `client auth`. */
  readonly usages: readonly string[];
  /** How long it shall hold; the signer decides. */
  readonly expirationSeconds?: number;
}

export interface IssueDependencies {
  readonly client: Client;
  readonly clock: Clock;
}

/** Whoever decides is given so long; then another request is made, since old ones are cleaned up. */
const DECIDED_WITHIN_MS = 15 * 60_000;
const LOOK_AGAIN_MS = 1000;

/**
 * Makes a key, asks the API for its certificate, and waits until that is issued. Rejects with `Forbidden` if it is denied or cannot be signed, and
 * with `Timeout` if nobody decides within a quarter of an hour.
 */
export async function issueCertificate(
  { client, clock }: IssueDependencies,
  wanted: WantedCertificate,
  signal: AbortSignal,
): Promise<KeyPair> {
  const { names, signerName, usages, expirationSeconds } = wanted;
  const { request, privateKey } = await createCertificateRequest(names);
  const spec = {
    request: Buffer.from(request).toString('base64'),
    signerName,
    usages: [...usages],
    ...(expirationSeconds !== undefined && { expirationSeconds }),
  };
  const made = await client.resource(CertificateSigningRequest).create({ metadata: { generateName: 'csr-' }, spec });
  const limit = new AbortController();
  const late = new KeelsonError('Timeout', `certificate signing request "${made.metadata?.name}" was not decided on in time`);
  using _timer = clock.after(DECIDED_WITHIN_MS, () => limit.abort(late));
  const certificate = await issued({ client, clock }, made.metadata?.name ?? '', AbortSignal.any([signal, limit.signal]));
  return keyPair(certificate, privateKey);
}

async function issued({ client, clock }: IssueDependencies, name: string, signal: AbortSignal): Promise<string> {
  const requests = client.resource(CertificateSigningRequest);
  for (;;) {
    signal.throwIfAborted();
    try {
      const request = await requests.get({ name });
      const certificate = outcomeOf(request);
      if (certificate !== undefined) return certificate;
      await nextChange(client, request, signal);
    } catch (error) {
      // An API that is away for a while has not decided anything.
      if (signal.aborted || isReason(error, 'Forbidden', 'NotFound', 'Unauthorized')) throw error;
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
  }
}

function outcomeOf({ metadata, status }: CertificateSigningRequest): string | undefined {
  for (const [type, words] of [
    ['Denied', 'is denied'],
    ['Failed', 'failed'],
  ] as const) {
    const condition = findCondition(status?.conditions, type);
    const why = `reason: ${condition?.reason ?? ''}, message: ${condition?.message ?? ''}`;
    if (condition) throw new KeelsonError('Forbidden', `certificate signing request ${metadata?.name} ${words}, ${why}`);
  }
  const isApproved = findCondition(status?.conditions, 'Approved') !== undefined;
  return isApproved && status?.certificate ? Buffer.from(status.certificate, 'base64').toString() : undefined;
}

/** Resolves when anything happens to the request. Rejects if that cannot be followed any more. */
async function nextChange(client: Client, request: CertificateSigningRequest, signal: AbortSignal): Promise<void> {
  const { name = '', resourceVersion } = request.metadata ?? {};
  const options = { fieldSelector: `metadata.name=${name}`, ...(resourceVersion !== undefined && { resourceVersion }) };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const subscription = client
    .resource(CertificateSigningRequest)
    .watch(options)
    .subscribe({
      next: (events) => events.some(({ type }) => type !== 'BOOKMARK') && resolve(),
      error: (error: unknown) => reject(new KeelsonError('ServiceUnavailable', errorMessage(error), { cause: error })),
      complete: () => resolve(),
    });
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    subscription.unsubscribe();
  }
}
