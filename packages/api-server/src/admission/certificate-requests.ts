import { forbidden } from '@keelson/api';
import type { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { requestedNames } from '@keelson/pki';
import type { Authorizer } from '../auth/contracts.ts';
import { sameJson } from '../validation/equality.ts';
import type { AdmissionRequest, AdmissionValidator } from './admission.ts';

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Who says for which signers a user may act. */
interface Signers {
  readonly authorizer: () => Authorizer | undefined;
}

/** Lets nobody decide on requests but who may approve those of their signer. */
export class CertificateApproval implements AdmissionValidator {
  readonly name = 'CertificateApproval';
  readonly #signers: Signers;

  constructor(signers: Signers) {
    this.#signers = signers;
  }

  async validate(request: AdmissionRequest): Promise<void> {
    if (isUpdateOf(request, 'approval')) await mustBeAllowed(this.#signers, request, 'approve');
  }
}

/** Lets nobody issue a certificate, or say that there will be none, but who may sign for the signer. */
export class CertificateSigning implements AdmissionValidator {
  readonly name = 'CertificateSigning';
  readonly #signers: Signers;

  constructor(signers: Signers) {
    this.#signers = signers;
  }

  async validate(request: AdmissionRequest): Promise<void> {
    if (!isUpdateOf(request, 'status') || sameJson(outcomeOf(request.object), outcomeOf(request.oldObject))) return;
    await mustBeAllowed(this.#signers, request, 'sign');
  }
}

/** No certificate for API clients makes its owner a member of `system:masters`, who may do everything and cannot be stopped. */
export class CertificateSubjectRestriction implements AdmissionValidator {
  readonly name = 'CertificateSubjectRestriction';

  async validate(request: AdmissionRequest): Promise<void> {
    if (!isOfKind(request) || request.operation !== 'CREATE' || request.subresource !== '') return;
    const { spec } = request.object as CertificateSigningRequest;
    if (spec.signerName !== CLIENT_SIGNER) return;
    const { organizations } = await requestedNames(Buffer.from(spec.request, 'base64').toString('latin1'));
    if (!organizations.includes('system:masters')) return;
    throw refusal(request, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
  }
}

function isOfKind({ resource }: AdmissionRequest): boolean {
  return resource.group === GROUP && resource.resource === RESOURCE;
}

function isUpdateOf(request: AdmissionRequest, subresource: string): boolean {
  return isOfKind(request) && request.operation === 'UPDATE' && request.subresource === subresource;
}

function outcomeOf(object: AdmissionRequest['object']): unknown {
  const { certificate, conditions = [] } = (object as CertificateSigningRequest | undefined)?.status ?? {};
  return [certificate ?? '', conditions.filter(({ type }) => type === 'Failed')];
}

/** Of one signer, or of all signers of its domain. */
async function mustBeAllowed({ authorizer }: Signers, request: AdmissionRequest, verb: 'approve' | 'sign'): Promise<void> {
  const asked = authorizer();
  if (!asked) return;
  const { signerName } = (request.oldObject as CertificateSigningRequest).spec;
  for (const name of [signerName, `${signerName.split('/')[0]}/*`]) {
    const resource = { group: GROUP, version: '*', resource: 'signers', name };
    if ((await asked.authorize({ user: request.userInfo, verb, resource })).allowed) return;
  }
  throw refusal(request, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}

function refusal({ name }: AdmissionRequest, why: string): Error {
  return forbidden({ group: GROUP, resource: RESOURCE }, name, why);
}
