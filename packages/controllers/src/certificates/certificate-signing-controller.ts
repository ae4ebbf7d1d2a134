import { formatTime } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, type Lister, type NamespacedName, type Reconciler } from '@keelson/controller-runtime';
import { requestedNames, type CertificateAuthority } from '@keelson/pki';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { decisionOf, isIssued, pemOf, withCondition } from './request-state.ts';
import { isBuiltinSigner, signerProblem } from './signers.ts';

const NAME = 'certificatesigningrequest-signing-controller';
const CONCURRENCY = 5;
/** As long as kube-controller-manager signs for at most, unless told otherwise. */
const MAX_VALID_MS = 365 * 86_400_000;
const MIN_VALID_MS = 600_000;

/** What signs: a certificate for a request and its key. */
export type CertificateSigner = Pick<CertificateAuthority, 'sign'>;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly requests: Lister<CertificateSigningRequest>;
  readonly signer: CertificateSigner;
}

/** Signs what has been approved for one of the built-in signers, or says why it will not. */
class SigningReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<void> {
    const { client, requests } = this.#dependencies;
    const request = requests.get(name);
    if (!request || !isWaiting(request)) return;
    try {
      await client.resource(CertificateSigningRequest).updateStatus(await this.#answer(request));
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  async #answer(request: CertificateSigningRequest): Promise<CertificateSigningRequest> {
    const { clock, signer } = this.#dependencies;
    const { signerName, usages = [], expirationSeconds } = request.spec;
    const names = await requestedNames(pemOf(request));
    const message = signerProblem(signerName, { names, usages });
    if (message !== undefined) {
      return withCondition(request, { type: 'Failed', reason: 'SignerValidationFailure', message }, formatTime(clock.now()));
    }
    const pem = await signer.sign(pemOf(request), { usages, validMs: validMs(expirationSeconds) });
    return { ...request, status: { ...request.status, certificate: Buffer.from(pem).toString('base64') } };
  }
}

function isWaiting(request: CertificateSigningRequest): boolean {
  const isApproved = decisionOf(request, 'Approved') && !decisionOf(request, 'Denied') && !decisionOf(request, 'Failed');
  return isApproved === true && !isIssued(request) && isBuiltinSigner(request.spec.signerName);
}

function validMs(seconds: number | undefined): number {
  return seconds === undefined ? MAX_VALID_MS : Math.min(Math.max(seconds * 1000, MIN_VALID_MS), MAX_VALID_MS);
}

/** Signs certificates for the built-in signers with `signer`. */
export function certificateSigningController(signer: CertificateSigner): ControllerFactory {
  return (context) => {
    const { client, clock, informers } = context;
    const requests = informers.for(CertificateSigningRequest);
    const reconciler = new SigningReconciler({ client, clock, requests, signer });
    const sources = [fromInformer(requests)];
    return reconcilingController(context, { name: NAME, reconciler, sources }, { concurrency: CONCURRENCY });
  };
}
