import { humanDuration, type KubernetesObject } from '@keelson/api';
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '@keelson/api/admissionregistration/v1';
import type { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import type { FlowSchema } from '@keelson/api/flowcontrol/v1';
import type { RoleBinding } from '@keelson/api/rbac/v1';
import { NONE, UNSET, type Cell } from './cell.ts';

function csrDuration({ spec }: CertificateSigningRequest): string {
  return spec?.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1_000);
}

function csrCondition({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type));
  const verdict = types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending';
  return `${verdict}${types.has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`;
}

interface PodCertificateRequest extends KubernetesObject {
  readonly spec?: { readonly unverifiedUserAnnotations?: Readonly<Record<string, string>> };
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
}

function pcrState({ status }: PodCertificateRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type));
  return ['Issued', 'Denied', 'Failed'].find((type) => types.has(type)) ?? 'Pending';
}

function pcrUserAnnotations({ spec }: PodCertificateRequest): string {
  const pairs = Object.entries(spec?.unverifiedUserAnnotations ?? {}).map(([key, value]) => `${key}:${value}`);
  return `map[${pairs.sort().join(' ')}]`;
}

function paramKind({ spec }: ValidatingAdmissionPolicy): string {
  return spec?.paramKind ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}` : UNSET;
}

function paramRef({ spec }: ValidatingAdmissionPolicyBinding): string {
  return spec?.paramRef ? `${spec.paramRef.namespace || '*'}/${spec.paramRef.name ?? ''}` : UNSET;
}

function missingPL({ status }: FlowSchema): string {
  return status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?';
}

export const POLICY_CELLS: Readonly<Record<string, Cell>> = {
  csrDuration,
  csrCondition,
  pcrState,
  pcrUserAnnotations,
  paramKind,
  paramRef,
  missingPL,
  roleRef: ({ roleRef }: RoleBinding) => `${roleRef.kind}/${roleRef.name}`,
};
