import type { RequestedNames } from '@keelson/pki';

/** What a request asks for, in terms of which a signer may refuse it. */
export interface Asked {
  readonly names: RequestedNames;
  readonly usages: readonly string[];
}

export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING_SIGNER = 'kubernetes.io/kubelet-serving';

const NODE_USER = 'system:node:';
const CLIENT = ['client auth', 'digital signature', 'key encipherment'];
const SERVING = ['digital signature', 'key encipherment', 'server auth'];
/** Of RSA keys alone; others need not ask for it. */
const OPTIONAL = 'key encipherment';

/** What keeps each built-in signer from signing, if anything (kubernetes.io: certificate signing requests, Kubernetes signers). */
const SIGNERS: Readonly<Record<string, (asked: Asked) => string | undefined>> = {
  'kubernetes.io/kube-apiserver-client': ({ usages }) => clientUsagesProblem(usages),
  [KUBELET_CLIENT_SIGNER]: kubeletClientProblem,
  [KUBELET_SERVING_SIGNER]: kubeletServingProblem,
  'kubernetes.io/legacy-unknown': () => undefined,
};

export function isBuiltinSigner(name: string): boolean {
  return Object.hasOwn(SIGNERS, name);
}

/** Why this built-in signer does not sign, in upstream's words. */
export function signerProblem(signer: string, asked: Asked): string | undefined {
  return SIGNERS[signer]?.(asked);
}

function clientUsagesProblem(usages: readonly string[]): string | undefined {
  const other = usages.find((usage) => !CLIENT.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** Why it is no request of a kubelet for the certificate that it is known by. */
export function kubeletClientProblem({ names, usages }: Asked): string | undefined {
  if (!isOfNodes(names)) return 'subject organization is not system:nodes';
  if (names.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (names.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (names.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (names.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return commonNameProblem(names) ?? usagesProblem(usages, CLIENT);
}

function kubeletServingProblem({ names, usages }: Asked): string | undefined {
  if (!isOfNodes(names)) return 'subject organization is not system:nodes';
  if (names.dnsNames.length + names.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (names.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (names.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return usagesProblem(usages, SERVING) ?? commonNameProblem(names);
}

function isOfNodes({ organizations }: RequestedNames): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes';
}

function commonNameProblem({ commonName }: RequestedNames): string | undefined {
  return commonName.startsWith(NODE_USER) ? undefined : `subject common name does not begin with ${NODE_USER} `;
}

function usagesProblem(usages: readonly string[], required: readonly string[]): string | undefined {
  const isGood =
    usages.every((usage) => required.includes(usage)) && required.every((usage) => usage === OPTIONAL || usages.includes(usage));
  return isGood ? undefined : `usages did not match [${required.join(' ')}]`;
}
