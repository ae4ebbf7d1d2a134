/** The accounts of built-in controllers, as upstream's roles name them; several controllers share one. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  'bootstrap-signer-controller': 'bootstrap-signer',
  'certificatesigningrequest-approving-controller': 'certificate-controller',
  'certificatesigningrequest-cleaner-controller': 'certificate-controller',
  'certificatesigningrequest-signing-controller': 'certificate-controller',
  'clusterrole-aggregation-controller': 'clusterrole-aggregation-controller',
  'cronjob-controller': 'cronjob-controller',
  'daemonset-controller': 'daemon-set-controller',
  'deployment-controller': 'deployment-controller',
  'disruption-controller': 'disruption-controller',
  'endpoints-controller': 'endpoint-controller',
  'endpointslice-controller': 'endpointslice-controller',
  'endpointslice-mirroring-controller': 'endpointslicemirroring-controller',
  'ephemeral-volume-controller': 'ephemeral-volume-controller',
  'garbage-collector-controller': 'generic-garbage-collector',
  'horizontal-pod-autoscaler-controller': 'horizontal-pod-autoscaler',
  'job-controller': 'job-controller',
  'kubelet-serving-approving-controller': 'kubelet-serving-approver',
  'namespace-controller': 'namespace-controller',
  'node-ipam-controller': 'node-controller',
  'node-lifecycle-controller': 'node-controller',
  'persistentvolume-binder-controller': 'persistent-volume-binder',
  'persistentvolume-protection-controller': 'pv-protection-controller',
  'persistentvolumeclaim-protection-controller': 'pvc-protection-controller',
  'pod-garbage-collector-controller': 'pod-garbage-collector',
  'replicaset-controller': 'replicaset-controller',
  'replicationcontroller-controller': 'replication-controller',
  'resourcequota-controller': 'resourcequota-controller',
  'root-ca-certificate-publisher-controller': 'root-ca-cert-publisher',
  'service-cidr-controller': 'service-cidrs-controller',
  'service-lb-controller': 'service-controller',
  'serviceaccount-controller': 'service-account-controller',
  'statefulset-controller': 'statefulset-controller',
  'taint-eviction-controller': 'node-controller',
  'token-cleaner-controller': 'token-cleaner',
  'ttl-after-finished-controller': 'ttl-after-finished-controller',
};

/** Makes tokens, and so is what makes accounts work: it has none, but acts as the program itself. */
const AS_THE_PROGRAM = 'serviceaccount-token-controller';

/** The user that a controller acts as. */
export interface ControllerUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Whose caches all controllers share. */
export const CONTROLLER_MANAGER: ControllerUser = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] };

/**
 * Who a built-in controller of this name is to the API server: a service account of `kube-system`, which may do what the ClusterRole
 * `system:controller:ACCOUNT` says. `undefined` for other names.
 */
export function controllerUser(name: string): ControllerUser | undefined {
  if (name === AS_THE_PROGRAM) return CONTROLLER_MANAGER;
  return Object.hasOwn(ACCOUNTS, name) ? accountUser(ACCOUNTS[name] ?? name) : undefined;
}

/** A service account of `kube-system` as a user. */
export function accountUser(account: string): ControllerUser {
  return {
    name: `system:serviceaccount:kube-system:${account}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}
