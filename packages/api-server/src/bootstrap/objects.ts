import { familyOf, type Kind, type KubernetesObject } from '@keelson/api';
import { APIService } from '@keelson/api/apiregistration/v1';
import { ConfigMap, Endpoints, Namespace, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { FlowSchema, PriorityLevelConfiguration } from '@keelson/api/flowcontrol/v1';
import { ServiceCIDR } from '@keelson/api/networking/v1';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@keelson/api/rbac/v1';
import { PriorityClass } from '@keelson/api/scheduling/v1';
import { builtinApiServices } from '../aggregation/local-services.ts';
import { FRONT_PROXY_CLIENT } from '../auth/credentials.ts';
import { addressRange } from '../kinds/service/allocation/address-range.ts';
import { bootstrapFlowSchemas, bootstrapPriorityLevels } from './flow-control.ts';
import { bootstrapRoleBindings, bootstrapRoles } from './namespace-roles.ts';
import { bootstrapClusterRoleBindings, bootstrapClusterRoles } from './roles.ts';

export interface BootstrapOptions {
  /** A range, or one of each family with a comma between. The first address of the first one is the `kubernetes` Service's. */
  readonly serviceCidr: string;
  /** Where pods and nodes reach this API server; no loopback address. */
  readonly advertise: { readonly address: string; readonly port: number } | undefined;
  /** PEM: what client certificates are checked against. */
  readonly clientCa: string | undefined;
  /** PEM: what the certificate of a front proxy, named `front-proxy-client`, is checked against. Only with `clientCa`. */
  readonly frontProxyCa?: string | undefined;
}

/** An object that a cluster has from its start. */
export interface BootstrapObject<T extends KubernetesObject = KubernetesObject> {
  readonly kind: Kind<T>;
  readonly object: T;
  /** Put back in this state at every start; otherwise only made if it is missing. */
  readonly reconcile: boolean;
}

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** In the order in which they have to be made. */
export function bootstrapObjects(options: BootstrapOptions): readonly BootstrapObject[] {
  const once = <T extends KubernetesObject>(kind: Kind<T>, object: T): BootstrapObject => ({ kind, object, reconcile: false });
  return [
    ...NAMESPACES.map((name) => once(Namespace, { metadata: { name } })),
    ...bootstrapClusterRoles().map((role) => ({ kind: ClusterRole, object: role, reconcile: true })),
    ...bootstrapClusterRoleBindings().map((binding) => ({ kind: ClusterRoleBinding, object: binding, reconcile: true })),
    ...bootstrapRoles().map((role) => ({ kind: Role, object: role, reconcile: true })),
    ...bootstrapRoleBindings().map((binding) => ({ kind: RoleBinding, object: binding, reconcile: true })),
    ...priorityClasses().map((priorityClass) => once(PriorityClass, priorityClass)),
    ...bootstrapPriorityLevels().map((level) => once(PriorityLevelConfiguration, level)),
    ...bootstrapFlowSchemas().map((schema) => once(FlowSchema, schema)),
    ...builtinApiServices().map((service) => ({ kind: APIService, object: service, reconcile: true })),
    once(ServiceCIDR, { metadata: { name: 'kubernetes' }, spec: { cidrs: options.serviceCidr.split(',') } }),
    once(Service, kubernetesService(options.serviceCidr)),
    ...(options.advertise ? endpoints(options.advertise) : []),
    ...(options.clientCa === undefined ? [] : [authenticationConfig(options.clientCa, options.frontProxyCa)]),
  ];
}

/** The first usable address of a range, or of the first of several: `10.96.0.1` of `10.96.0.0/16`. */
export function firstAddress(cidrs: string): string {
  const [first = ''] = cidrs.split(',');
  return addressRange(first).address(0);
}

function kubernetesService(serviceCidr: string): Service {
  const clusterIP = firstAddress(serviceCidr);
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
    },
  };
}

function endpoints({ address, port }: { readonly address: string; readonly port: number }): BootstrapObject[] {
  const metadata = { name: 'kubernetes', namespace: 'default' };
  const subsets = [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const slice: EndpointSlice = {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: familyOf(address),
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  const own: Endpoints = { metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }, subsets };
  return [
    { kind: Endpoints, object: own, reconcile: true },
    { kind: EndpointSlice, object: slice, reconcile: true },
  ];
}

function priorityClasses(): PriorityClass[] {
  const critical = (scope: string, value: number): PriorityClass => ({
    metadata: { name: `system-${scope}-critical` },
    value,
    description: `Used for system critical pods that must ${scope === 'node' ? 'not be moved from their current node' : 'run in the cluster, but can be moved to another node if necessary'}.`,
  });
  return [critical('cluster', 2_000_000_000), critical('node', 2_000_001_000)];
}

/** Where extension API servers find what certificates are checked against, and in which headers a front proxy says who asks. */
function authenticationConfig(clientCa: string, frontProxyCa: string | undefined): BootstrapObject<ConfigMap> {
  const frontProxy: Record<string, string> = {
    'requestheader-allowed-names': JSON.stringify([FRONT_PROXY_CLIENT]),
    'requestheader-client-ca-file': frontProxyCa ?? '',
    'requestheader-extra-headers-prefix': JSON.stringify(['X-Remote-Extra-']),
    'requestheader-group-headers': JSON.stringify(['X-Remote-Group']),
    'requestheader-uid-headers': JSON.stringify(['X-Remote-Uid']),
    'requestheader-username-headers': JSON.stringify(['X-Remote-User']),
  };
  const object: ConfigMap = {
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: { 'client-ca-file': clientCa, ...(frontProxyCa !== undefined && frontProxy) },
  };
  return { kind: ConfigMap, object, reconcile: true };
}
