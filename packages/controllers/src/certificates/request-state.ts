import { apiVersionOf, findCondition } from '@keelson/api';
import { CertificateSigningRequest, type CertificateSigningRequestCondition } from '@keelson/api/certificates/v1';

/** What has been decided or tried of a request. */
export type Decision = 'Approved' | 'Denied' | 'Failed';

export function decisionOf(
  { status }: CertificateSigningRequest,
  type: Decision,
): CertificateSigningRequestCondition | undefined {
  const condition = findCondition(status?.conditions, type);
  return condition?.status === 'True' ? condition : undefined;
}

export function isIssued({ status }: CertificateSigningRequest): boolean {
  return (status?.certificate ?? '') !== '';
}

/** The PKCS #10 request (PEM) in it. */
export function pemOf({ spec }: CertificateSigningRequest): string {
  return Buffer.from(spec.request, 'base64').toString('latin1');
}

/** The request with one more condition. */
export function withCondition(
  request: CertificateSigningRequest,
  condition: { readonly type: Decision; readonly reason: string; readonly message: string },
  time: string,
): CertificateSigningRequest {
  const added = { ...condition, status: 'True', lastUpdateTime: time, lastTransitionTime: time };
  const conditions = [...(request.status?.conditions ?? []), added];
  return {
    ...request,
    apiVersion: apiVersionOf(CertificateSigningRequest),
    kind: 'CertificateSigningRequest',
    status: { ...request.status, conditions },
  };
}
