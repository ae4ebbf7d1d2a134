const RESTRICTED = 'node-restriction.kubernetes.io';
/** Kubernetes' own labels that are for kubelets to set: those, and all in their namespaces. */
const NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

/** Whether a kubelet may give its node a label of this key: any but those of Kubernetes itself, of which it may only some. */
export function mayKubeletLabel(key: string): boolean {
  const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  const isIn = (domain: string): boolean => namespace === domain || namespace.endsWith(`.${domain}`);
  if (isIn(RESTRICTED)) return false;
  return !(isIn('kubernetes.io') || isIn('k8s.io')) || LABELS.has(key) || NAMESPACES.some(isIn);
}
