import { formatTime } from '@keelson/api';
import { SubjectAccessReview } from '@keelson/api/authorization/v1';
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
import { requestedNames } from '@keelson/pki';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { decisionOf, isIssued, pemOf, withCondition } from './request-state.ts';
import { KUBELET_CLIENT_SIGNER, kubeletClientProblem } from './signers.ts';

const NAME = 'certificatesigningrequest-approving-controller';
const CONCURRENCY = 5;
/** Who may not have a certificate now may be allowed it later, and nothing tells of that. */
const ASK_AGAIN_MS = 60_000;

/** What a kubelet must be allowed to create: a certificate for itself, or for any node. */
const PERMISSIONS = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
} as const;
type Permission = keyof typeof PERMISSIONS;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly requests: Lister<CertificateSigningRequest>;
}

/** Approves what kubelets ask for, if they may have it without anybody being asked. */
class ApprovingReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<ReconcileResult> {
    const request = this.#dependencies.requests.get(name);
    if (!request || isIssued(request) || decisionOf(request, 'Approved') || decisionOf(request, 'Denied')) return {};
    const asked = await permissionsFor(request);
    for (const permission of asked) {
      if (!(await this.#mayHave(request, permission))) continue;
      await this.#approve(request, PERMISSIONS[permission]);
      return {};
    }
    return asked.length === 0 ? {} : { requeueAfterMs: ASK_AGAIN_MS };
  }

  async #mayHave({ spec }: CertificateSigningRequest, subresource: Permission): Promise<boolean> {
    const { username, uid, groups, extra } = spec;
    const resourceAttributes = {
      group: CertificateSigningRequest.group,
      version: '*',
      resource: CertificateSigningRequest.resource,
      subresource,
      verb: 'create',
    };
    const { status } = await this.#dependencies.client.resource(SubjectAccessReview).create({
      spec: {
        resourceAttributes,
        ...(username !== undefined && { user: username }),
        ...(uid !== undefined && { uid }),
        ...(groups && { groups }),
        ...(extra && { extra }),
      },
    });
    return status?.allowed === true;
  }

  async #approve(request: CertificateSigningRequest, message: string): Promise<void> {
    const { client, clock } = this.#dependencies;
    const condition = { type: 'Approved', reason: 'AutoApproved', message } as const;
    const body = withCondition(request, condition, formatTime(clock.now()));
    try {
      const name = request.metadata?.name ?? '';
      await client.resource(CertificateSigningRequest).subresource({ name }, { subresource: 'approval', method: 'PUT', body });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}

/** The permissions any of which is enough; none if it is no kubelet's request. */
async function permissionsFor(request: CertificateSigningRequest): Promise<readonly Permission[]> {
  const { signerName, username, usages = [] } = request.spec;
  if (signerName !== KUBELET_CLIENT_SIGNER) return [];
  const names = await requestedNames(pemOf(request));
  if (kubeletClientProblem({ names, usages }) !== undefined) return [];
  return username === names.commonName ? ['selfnodeclient', 'nodeclient'] : ['nodeclient'];
}

/** Approves the requests of kubelets that RBAC lets have a client certificate. */
export const certificateApprovingController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const requests = informers.for(CertificateSigningRequest);
  const reconciler = new ApprovingReconciler({ client, clock, requests });
  return reconcilingController(
    context,
    { name: NAME, reconciler, sources: [fromInformer(requests)] },
    { concurrency: CONCURRENCY },
  );
};
