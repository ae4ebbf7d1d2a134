import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';

/** Says that a group under a name of the community's may have the kind. */
export const APPROVED = 'api-approved.kubernetes.io';

/** How a definition stands to the policy of the names `k8s.io` and `kubernetes.io`; `undefined` in all other groups. */
export interface Approval {
  readonly state: 'Missing' | 'Invalid' | 'Approved' | 'Unapproved';
  readonly text: string;
}

const PROPOSAL = 'see https://github.com/kubernetes/enhancements/pull/1111';

export function approvalOf({ metadata, spec }: Readonly<CustomResourceDefinition>): Approval | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec?.group ?? '')) return undefined;
  const given = metadata?.annotations?.[APPROVED] ?? '';
  const needed = `protected groups must have approval annotation ${JSON.stringify(APPROVED)}`;
  if (given === '') return { state: 'Missing', text: `${needed}, ${PROPOSAL}` };
  if (given.startsWith('unapproved')) return { state: 'Unapproved', text: `not approved: ${JSON.stringify(given)}` };
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(given)) return { state: 'Approved', text: `approved in ${given}` };
  return { state: 'Invalid', text: `${needed} with either a URL or a reason starting with "unapproved", ${PROPOSAL}` };
}
