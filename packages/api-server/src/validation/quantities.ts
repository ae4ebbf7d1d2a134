import { isExtendedResource, isQualifiedName, parseQuantity, type Quantity } from '@keelson/api';
import type { Field } from './field.ts';
import { remembering } from './remembering.ts';

const parsed = remembering(parseQuantity);

/** Throws what `parseQuantity` throws. */
export function quantityOf(text: string | number): Quantity {
  return parsed(String(text));
}

const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);
const STANDARD_RESOURCES = new Set([
  ...CONTAINER_RESOURCES,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]);
const QUOTA_RESOURCES = new Set([...STANDARD_RESOURCES].filter((name) => name !== 'storage'));
const INTEGER_RESOURCES = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

export function isHugePages(resource: string): boolean {
  return resource.startsWith('hugepages-');
}

/** Whether more may be promised than there is: true for what Kubernetes itself shares out, but huge pages. */
export function isOvercommitAllowed(resource: string): boolean {
  return (!resource.includes('/') || resource.includes('kubernetes.io/')) && !isHugePages(resource);
}

export function checkContainerResourceName(name: string, at: Field): void {
  if (CONTAINER_RESOURCES.has(name)) return;
  const messages = isQualifiedName(name);
  for (const message of messages) at.invalid(name, message);
  if (messages.length > 0) return;
  if (!name.includes('/')) {
    if (!isHugePages(name)) at.invalid(name, 'must be a standard resource for containers');
  } else if (!name.includes('kubernetes.io/') && !isExtendedResource(name)) {
    at.invalid(name, "doesn't follow extended resource name standard");
  }
}

/** Names in nodes' capacity, quotas and the like. */
export function checkResourceName(name: string, at: Field): void {
  if (STANDARD_RESOURCES.has(name)) return;
  const messages = isQualifiedName(name);
  for (const message of messages) at.invalid(name, message);
  if (messages.length > 0) return;
  if (!name.includes('/') && !isHugePages(name)) at.invalid(name, 'must be a standard resource type or fully qualified');
}

/** `requests.cpu`, `count/deployments.apps`, `gold.storageclass.storage.k8s.io/requests.storage`. */
export function checkQuotaResourceName(name: string, at: Field): void {
  const isStandard = QUOTA_RESOURCES.has(name) || isHugePages(name) || isHugePages(name.replace(/^requests\./, ''));
  if (isStandard) return;
  checkResourceName(name, at);
  if (!name.includes('/')) at.invalid(name, 'must be a standard resource for quota');
}

/** At least 0, and whole where only whole ones exist. */
export function checkResourceAmount(name: string, text: string | number, at: Field): void {
  const amount = quantityOf(text);
  checkNonNegativeQuantity(text, at);
  const isWhole = Number(amount.milliValue()) % 1000 === 0;
  if (!isWhole && (INTEGER_RESOURCES.has(name) || isExtendedResource(name))) at.invalid(amount.toString(), 'must be an integer');
}

export function checkNonNegativeQuantity(text: string | number, at: Field): void {
  const amount = quantityOf(text);
  if (amount.sign() < 0) at.invalid(amount.toString(), 'must be greater than or equal to 0');
}

export function checkPositiveQuantity(text: string | number, at: Field): void {
  const amount = quantityOf(text);
  if (amount.sign() <= 0) at.invalid(amount.toString(), 'must be greater than zero');
}
