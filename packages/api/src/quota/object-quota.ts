import type { PersistentVolumeClaim, Service } from '../generated/core/v1.ts';
import type { KubernetesObject } from '../kind.ts';
import { parseQuantity, Quantity } from '../quantity.ts';
import { podQuota } from './pod-quota.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';

const ONE = parseQuantity(1);
/** These are also counted by their plain name. */
const PLAIN = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas']);
const OF_CLASS = '.storageclass.storage.k8s.io/';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

const SERVICE_NAMES = ['services', 'count/services', 'services.nodeports', 'services.loadbalancers'];

/** Services, and the node ports and load balancers that they will have. */
const serviceQuota: QuotaEvaluator<Service> = {
  countsUpdates: true,
  matching: (names) => names.filter((name) => SERVICE_NAMES.includes(name)),
  usage({ spec }) {
    const ports = spec?.ports ?? [];
    const isBalanced = spec?.type === 'LoadBalancer';
    // Of a load balancer that goes without, only those that it names itself.
    const counted = isBalanced && spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports;
    const nodePorts = isBalanced || spec?.type === 'NodePort' ? counted.length : 0;
    return new Map([
      ['services', ONE],
      ['count/services', ONE],
      ['services.nodeports', parseQuantity(nodePorts)],
      ['services.loadbalancers', isBalanced ? ONE : Quantity.ZERO],
    ]);
  },
  isInScope: () => false,
  problem: () => undefined,
};

const CLAIM_NAMES = ['persistentvolumeclaims', 'requests.storage'];

/** Claims, and the storage that they ask for, of all classes and of each. */
const claimQuota: QuotaEvaluator<PersistentVolumeClaim> = {
  countsUpdates: true,
  matching: (names) =>
    names.filter(
      (name) =>
        name === 'count/persistentvolumeclaims' ||
        CLAIM_NAMES.some((plain) => name === plain || name.endsWith(`${OF_CLASS}${plain}`)),
    ),
  usage({ metadata, spec, status }) {
    const className = metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '';
    const asked = parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
    const allocated = parseQuantity(status?.allocatedResources?.['storage'] ?? '0');
    const storage = allocated.cmp(asked) > 0 ? allocated : asked;
    const usage = new Map([
      ['count/persistentvolumeclaims', ONE],
      ['persistentvolumeclaims', ONE],
      ['requests.storage', storage],
    ]);
    if (className === '') return usage;
    return usage
      .set(`${className}${OF_CLASS}persistentvolumeclaims`, ONE)
      .set(`${className}${OF_CLASS}requests.storage`, storage);
  },
  isInScope({ scopeName, operator, values = [] }, { spec, status }) {
    if (scopeName !== 'VolumeAttributesClass') return false;
    const names = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName].filter((name) => name);
    if (operator === 'Exists' || operator === 'DoesNotExist') return names.length > 0 === (operator === 'Exists');
    return names.some((name) => values.includes(name ?? '')) === (operator === 'In');
  },
  problem: () => undefined,
};

/** How objects of any other resource are counted. */
function countQuota(group: string, resource: string): QuotaEvaluator {
  const count = countName(group, resource);
  const names = group === '' && PLAIN.has(resource) ? [count, resource] : [count];
  const usage = new Map(names.map((name) => [name, ONE]));
  return {
    countsUpdates: false,
    matching: (all) => all.filter((name) => names.includes(name)),
    usage: () => usage,
    isInScope: () => false,
    problem: () => undefined,
  };
}

/** The resource has chosen the kind. */
function forAny<T extends KubernetesObject>(evaluator: QuotaEvaluator<T>): QuotaEvaluator {
  return evaluator as unknown as QuotaEvaluator;
}

const OWN: Readonly<Record<string, QuotaEvaluator>> = {
  pods: forAny(podQuota),
  services: forAny(serviceQuota),
  persistentvolumeclaims: forAny(claimQuota),
};

/** How a resource of a group (empty for the core) is measured. */
export function quotaEvaluator(group: string, resource: string): QuotaEvaluator {
  const own = group === '' && Object.hasOwn(OWN, resource) ? OWN[resource] : undefined;
  return own ?? countQuota(group, resource);
}

/** The name under which a quota counts objects: `count/deployments.apps`. */
function countName(group: string, resource: string): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`;
}

/** The resource whose objects are used up under a quota's `name`; `undefined` if it is no name that quotas have. */
export function quotaResource(name: string): { readonly group: string; readonly resource: string } | undefined {
  for (const resource of Object.keys(OWN)) if (OWN[resource]?.matching([name]).length) return { group: '', resource };
  if (PLAIN.has(name)) return { group: '', resource: name };
  const [, resource, group = ''] = /^count\/([^./]+)(?:\.(.+))?$/.exec(name) ?? [];
  return resource === undefined ? undefined : { group, resource };
}
