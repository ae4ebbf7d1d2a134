import type { Container, ResourceRequirements } from '@keelson/api/core/v1';
import { checkOptionalChoice, checkPresent } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import {
  checkContainerResourceName,
  checkResourceAmount,
  isHugePages,
  isOvercommitAllowed,
  quantityOf,
} from '../../validation/quantities.ts';

const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];
const RESIZABLE = ['cpu', 'memory'];

/** Requests and limits of a container or a pod; `claims` are the pod's resource claims. */
export function checkResources(resources: ResourceRequirements | undefined, claims: ReadonlySet<string>, at: Field): void {
  if (resources === undefined) return;
  for (const name in resources.limits) checkAmount(name, resources.limits[name], at.child('limits'));
  for (const name in resources.requests) checkRequest(name, resources, at);
  checkHugePages(resources, at);
  if (resources.claims !== undefined) checkClaims(resources.claims, claims, at);
}

function checkAmount(name: string, amount: string | undefined, parent: Field): void {
  const at = parent.key(name);
  checkContainerResourceName(name, at);
  checkResourceAmount(name, amount ?? '0', at);
}

function checkRequest(name: string, resources: ResourceRequirements, at: Field): void {
  const request = resources.requests?.[name] ?? '0';
  checkAmount(name, request, at.child('requests'));
  const limit = resources.limits?.[name];
  if (limit === undefined) {
    if (!isOvercommitAllowed(name)) at.child('limits').required('Limit must be set for non overcommitable resources');
    return;
  }
  const order = quantityOf(request).cmp(quantityOf(limit));
  const shown = quantityOf(request).toString();
  if (order !== 0 && !isOvercommitAllowed(name))
    at.child('requests').invalid(shown, `must be equal to ${name} limit of ${quantityOf(limit)}`);
  else if (order > 0) at.child('requests').invalid(shown, `must be less than or equal to ${name} limit of ${quantityOf(limit)}`);
}

function checkHugePages(resources: ResourceRequirements, at: Field): void {
  if (hasResource(resources, isHugePages) && !hasResource(resources, isCpuOrMemory))
    at.forbidden('HugePages require cpu or memory');
}

function hasResource({ limits, requests }: ResourceRequirements, isMeant: (name: string) => boolean): boolean {
  for (const name in limits) if (isMeant(name)) return true;
  for (const name in requests) if (isMeant(name)) return true;
  return false;
}

function isCpuOrMemory(name: string): boolean {
  return name === 'cpu' || name === 'memory';
}

function checkClaims(used: NonNullable<ResourceRequirements['claims']>, known: ReadonlySet<string>, parent: Field): void {
  const names = new Unique();
  checkEach(used, parent, 'claims', (claim, at) => {
    if (!checkPresent(claim.name, at, 'name')) return;
    const key = claim.request === undefined ? claim.name : `${claim.name}/${claim.request}`;
    if (!names.add(key)) at.child('name').duplicate(key);
    if (!known.has(claim.name)) at.child('name').notFound(claim.name);
  });
}

export function checkResizePolicy(container: Pick<Container, 'resizePolicy'>, parent: Field): void {
  const names = new Unique();
  checkEach(container.resizePolicy, parent, 'resizePolicy', (policy, at) => {
    if (!names.add(policy.resourceName)) at.duplicate(policy.resourceName);
    if (!RESIZABLE.includes(policy.resourceName)) at.notSupported(policy.resourceName, RESIZABLE);
    checkOptionalChoice(policy.restartPolicy, RESIZE_POLICIES, () => at);
  });
}
