import { X509Certificate } from 'node:crypto';
import { parseTime, uidOf } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { decisionOf, isIssued } from './request-state.ts';

const NAME = 'certificatesigningrequest-cleaner-controller';
const SETTLED_MS = 3_600_000;
const PENDING_MS = 24 * 3_600_000;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly requests: Lister<CertificateSigningRequest>;
}

/** When a request is of no more use; never, for one that is approved and waits for its signer. */
export function uselessFromMs(request: CertificateSigningRequest): number {
  const { metadata, status } = request;
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return (parseTime(metadata?.creationTimestamp) ?? Infinity) + PENDING_MS;
  const settled = (['Denied', 'Failed', ...(isIssued(request) ? (['Approved'] as const) : [])] as const).map(
    (type) => (parseTime(decisionOf(request, type)?.lastUpdateTime) ?? Infinity) + SETTLED_MS,
  );
  return Math.min(...settled, expiryMs(status?.certificate ?? ''));
}

function expiryMs(certificate: string): number {
  if (certificate === '') return Infinity;
  try {
    return new X509Certificate(Buffer.from(certificate, 'base64')).validToDate.getTime();
  } catch {
    return Infinity;
  }
}

class CleaningReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, requests } = this.#dependencies;
    const request = requests.get(name);
    const waitMs = request ? uselessFromMs(request) - clock.now() : Infinity;
    if (!request || waitMs === Infinity) return {};
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const { resourceVersion } = request.metadata ?? {};
    const preconditions = { uid: uidOf(request), ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      await client.resource(CertificateSigningRequest).delete({ name }, { preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }
}

/** Deletes requests an hour after they were settled, those that nobody minded after a day, and those whose certificate has run out. */
export const certificateCleanerController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const requests = informers.for(CertificateSigningRequest);
  const reconciler = new CleaningReconciler({ client, clock, requests });
  return reconcilingController(context, { name: NAME, reconciler, sources: [fromInformer(requests)] });
};
