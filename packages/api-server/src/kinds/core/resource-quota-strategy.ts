import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { FIXED } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkQuotaResourceName, checkResourceAmount } from '../../validation/quantities.ts';

const COUNTS = ['pods'];
const COMPUTE = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const STANDARD = [
  ...COUNTS,
  ...COMPUTE,
  'ephemeral-storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
  'requests.storage',
  'persistentvolumeclaims',
  'resourcequotas',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'secrets',
  'configmaps',
];
/** What can be counted in a scope. */
const RESOURCES_OF_SCOPE: Readonly<Record<string, readonly string[]>> = {
  BestEffort: COUNTS,
  NotBestEffort: [...COUNTS, ...COMPUTE],
  Terminating: [...COUNTS, ...COMPUTE],
  NotTerminating: [...COUNTS, ...COMPUTE],
  PriorityClass: [...COUNTS, ...COMPUTE],
  CrossNamespacePodAffinity: [...COUNTS, ...COMPUTE],
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];
const ONLY_EXISTS = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const MUST_EXIST =
  "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  prepareForCreate: (quota) => void (quota.status = {}),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkAmounts(spec?.hard, at.child('hard'));
      checkScopes(spec ?? {}, at.child('scopes'));
      checkScopeSelector(spec ?? {}, at.child('scopeSelector').child('matchExpressions'));
    }),
  validateUpdate: (quota, old) =>
    Field.collect((root) => {
      const [now, before] = [textsOf(quota.spec?.scopes), textsOf(old.spec?.scopes)];
      if (!sameJson(now.toSorted(), before.toSorted())) root.child('spec').child('scopes').invalid(now, FIXED);
    }),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      checkAmounts(status?.hard, root.child('status').child('hard'));
      checkAmounts(status?.used, root.child('status').child('used'));
    }),
  hasGeneration: false,
};

function checkAmounts(amounts: Readonly<Record<string, string | number>> | undefined, at: Field): void {
  for (const name in amounts) {
    checkQuotaResourceName(name, at.key(name));
    checkResourceAmount(name, amounts[name] ?? '0', at.key(name));
  }
}

function isApplicable(scope: string, hard: ResourceQuotaSpec['hard']): boolean {
  const resources = RESOURCES_OF_SCOPE[scope] ?? [];
  return Object.keys(hard ?? {}).every((name) => !STANDARD.includes(name) || resources.includes(name));
}

function hasConflict(scopes: readonly string[]): boolean {
  return CONFLICTS.some((pair) => pair.every((scope) => scopes.includes(scope)));
}

function checkScopes({ scopes: given, hard }: ResourceQuotaSpec, at: Field): void {
  const scopes = textsOf(given);
  for (const scope of scopes) {
    if (RESOURCES_OF_SCOPE[scope] === undefined) at.invalid(scopes, 'unsupported scope');
    if (!isApplicable(scope, hard)) at.invalid(scopes, 'unsupported scope applied to resource');
  }
  if (hasConflict(scopes)) at.invalid(scopes, 'conflicting scopes');
}

function checkScopeSelector({ scopeSelector, hard }: ResourceQuotaSpec, at: Field): void {
  const requirements = scopeSelector?.matchExpressions ?? [];
  for (const requirement of requirements) {
    const { scopeName = '' } = asSent(requirement);
    if (RESOURCES_OF_SCOPE[scopeName] === undefined) at.child('scopeName').invalid(scopeName, 'unsupported scope');
    if (!isApplicable(scopeName, hard)) at.invalid(shownSelector(requirements), 'unsupported scope applied to resource');
    checkRequirement(requirement, at);
  }
  if (hasConflict(requirements.map(({ scopeName }) => scopeName)))
    at.invalid(requirements.map(shownRequirement), 'conflicting scopes');
}

function checkRequirement(requirement: ScopedResourceSelectorRequirement, at: Field): void {
  const { scopeName = '', operator = '', values = [] } = asSent(requirement);
  if (ONLY_EXISTS.includes(scopeName) && operator !== 'Exists') at.child('operator').invalid(operator, MUST_EXIST);
  const forSelector = 'for scope selector';
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      at.child('values').required(`must be at least one value when \`operator\` is 'In' or 'NotIn' ${forSelector}`);
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      at.child('values').invalid(values, `must be no value when \`operator\` is 'Exists' or 'DoesNotExist' ${forSelector}`);
  } else {
    at.child('operator').invalid(operator, 'not a valid selector operator');
  }
}

/** As upstream shows it. */
function shownRequirement({ scopeName, operator, values }: ScopedResourceSelectorRequirement): unknown {
  return { ScopeName: scopeName, Operator: operator, Values: values ?? null };
}

function shownSelector(requirements: readonly ScopedResourceSelectorRequirement[]): unknown {
  return { MatchExpressions: requirements.map(shownRequirement) };
}
