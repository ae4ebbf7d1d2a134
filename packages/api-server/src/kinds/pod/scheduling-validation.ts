import { isDnsLabel, isDnsSubdomain, isQualifiedName, isValidLabelValue } from '@keelson/api';
import type {
  Affinity,
  NodeAffinity,
  PodAffinity,
  PodAffinityTerm,
  PodSpec,
  Toleration,
  TopologySpreadConstraint,
} from '@keelson/api/core/v1';
import { checkLabelKey, checkOptionalChoice, checkText } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import { checkLabelSelector, checkNodeSelector, checkNodeSelectorTerm } from '../../validation/selectors.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const OPERATORS = ['Equal', 'Exists'];
const WHEN_UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];
const INCLUSION = ['Honor', 'Ignore'];
const EMPTY_TOPOLOGY = 'can not be empty';

export function checkAffinity(affinity: Affinity | undefined, parent: Field): void {
  if (affinity === undefined) return;
  const at = parent.child('affinity');
  if (affinity.nodeAffinity !== undefined) checkNodeAffinity(affinity.nodeAffinity, at.child('nodeAffinity'));
  if (affinity.podAffinity !== undefined) checkPodAffinity(affinity.podAffinity, at.child('podAffinity'));
  if (affinity.podAntiAffinity !== undefined) checkPodAffinity(affinity.podAntiAffinity, at.child('podAntiAffinity'));
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function checkNodeAffinity(affinity: NodeAffinity, at: Field): void {
  const selector = affinity[REQUIRED];
  if (selector !== undefined) checkNodeSelector(selector, at.child(REQUIRED));
  checkEach(affinity[PREFERRED], at, PREFERRED, (term, termAt) => {
    checkWeight(term.weight, termAt);
    checkNodeSelectorTerm(term.preference ?? {}, termAt.child('preference'));
  });
}

function checkPodAffinity(affinity: PodAffinity, at: Field): void {
  checkEach(affinity[REQUIRED], at, REQUIRED, checkPodAffinityTerm);
  checkEach(affinity[PREFERRED], at, PREFERRED, (term, termAt) => {
    checkWeight(term.weight, termAt);
    const { podAffinityTerm = { topologyKey: '' } }: Partial<typeof term> = term;
    checkPodAffinityTerm(podAffinityTerm, termAt.child('podAffinityTerm'));
  });
}

function checkWeight(weight: number | undefined, at: Field): void {
  if (weight === undefined || weight < 1 || weight > 100) at.child('weight').invalid(weight ?? 0, 'must be in the range 1-100');
}

function checkPodAffinityTerm(term: PodAffinityTerm, at: Field): void {
  checkLabelSelector(term.labelSelector, at.child('labelSelector'));
  checkLabelSelector(term.namespaceSelector, at.child('namespaceSelector'));
  for (const namespace of term.namespaces ?? []) checkText(isDnsLabel, namespace, at.child('namespace'));
  for (const name of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    if ((term[name] ?? []).length > 0 && term.labelSelector === undefined) {
      at.child(name).forbidden('must not be specified when labelSelector is not set');
    }
    checkEach(term[name], at, name, checkLabelKey);
  }
  checkEach(term.matchLabelKeys, at, 'matchLabelKeys', (key, keyAt) => {
    if (term.mismatchLabelKeys?.includes(key)) keyAt.invalid(key, 'exists in both matchLabelKeys and mismatchLabelKeys');
  });
  checkTopologyKey(term.topologyKey, at.child('topologyKey'));
}

function checkTopologyKey(key: string | undefined, at: Field): void {
  if (key === undefined || key === '') at.required(EMPTY_TOPOLOGY);
  else checkText(isQualifiedName, key, at);
}

export function checkTolerations(tolerations: readonly Toleration[] | undefined, parent: Field): void {
  checkEach(tolerations, parent, 'tolerations', checkToleration);
}

function checkToleration(toleration: Toleration, at: Field): void {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (key !== '') checkText(isQualifiedName, key, at.child('key'));
  else if (operator !== 'Exists') {
    at.child('operator').invalid(
      operator,
      'operator must be Exists when `key` is empty, which means "match all values and all keys"',
    );
  }
  if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
    at.child('effect').invalid(effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  checkTolerationValue(operator, value, at);
  if (effect !== '' && !EFFECTS.includes(effect)) at.child('effect').notSupported(effect, EFFECTS);
}

function checkTolerationValue(operator: string, value: string, at: Field): void {
  if (operator === 'Equal' || operator === '') {
    const messages = isValidLabelValue(value);
    if (messages.length > 0) at.child('operator').invalid(value, messages.join(';'));
  } else if (operator === 'Exists') {
    if (value !== '') at.child('operator').invalid(value, "value must be empty when `operator` is 'Exists'");
  } else {
    at.child('operator').notSupported(operator, OPERATORS);
  }
}

export function checkTopologySpread(constraints: readonly TopologySpreadConstraint[] | undefined, parent: Field): void {
  const pairs = new Unique();
  checkEach(constraints, parent, 'topologySpreadConstraints', (constraint, at) => {
    if ((constraint.maxSkew ?? 0) <= 0) at.child('maxSkew').invalid(constraint.maxSkew ?? 0, 'must be greater than zero');
    checkTopologyKey(constraint.topologyKey, at.child('topologyKey'));
    const when = constraint.whenUnsatisfiable ?? '';
    if (!WHEN_UNSATISFIABLE.includes(when)) at.child('whenUnsatisfiable').notSupported(when, WHEN_UNSATISFIABLE);
    const pair = `{${constraint.topologyKey}, ${when}}`;
    if (!pairs.add(pair)) at.child('{topologyKey, whenUnsatisfiable}').duplicate(pair);
    checkMinDomains(constraint, at);
    checkOptionalChoice(constraint.nodeAffinityPolicy, INCLUSION, () => at.child('nodeAffinityPolicy'));
    checkOptionalChoice(constraint.nodeTaintsPolicy, INCLUSION, () => at.child('nodeTaintsPolicy'));
    checkMatchLabelKeys(constraint, at);
    checkLabelSelector(constraint.labelSelector, at.child('labelSelector'));
  });
}

function checkMinDomains({ minDomains, whenUnsatisfiable }: TopologySpreadConstraint, at: Field): void {
  if (minDomains === undefined) return;
  if (minDomains <= 0) at.child('minDomains').invalid(minDomains, 'must be greater than zero');
  if (whenUnsatisfiable === 'DoNotSchedule') return;
  at.child('minDomains').invalid(
    minDomains,
    `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
  );
}

function checkMatchLabelKeys({ matchLabelKeys, labelSelector }: TopologySpreadConstraint, at: Field): void {
  if (matchLabelKeys === undefined || matchLabelKeys.length === 0) return;
  if (labelSelector === undefined) at.child('matchLabelKeys').forbidden('must not be specified when labelSelector is not set');
  const { matchLabels, matchExpressions = [] } = labelSelector ?? {};
  checkEach(matchLabelKeys, at, 'matchLabelKeys', (key, keyAt) => {
    checkLabelKey(key, keyAt);
    const [first, ...more] = matchExpressions.filter((requirement) => requirement.key === key);
    // One of these is what the key itself was resolved to.
    const isOwn = first === undefined || (first.operator === 'In' && first.values?.length === 1 && more.length === 0);
    if (matchLabels?.[key] !== undefined || !isOwn) keyAt.invalid(key, 'exists in both matchLabelKeys and labelSelector');
  });
}

export function checkGates(spec: PodSpec, at: Field): void {
  const names = new Unique();
  checkEach(spec.schedulingGates, at, 'schedulingGates', ({ name }, gateAt) => {
    checkText(isQualifiedName, name ?? '', gateAt);
    if (!names.add(name)) gateAt.duplicate(name);
  });
  checkEach(spec.readinessGates, at, 'readinessGates', ({ conditionType }, gateAt) => {
    checkText(isQualifiedName, conditionType ?? '', gateAt.child('conditionType'));
  });
}

/** The pod's resource claims by name. */
export function checkResourceClaims(spec: PodSpec, at: Field): ReadonlySet<string> {
  const names = new Set<string>();
  checkEach(spec.resourceClaims, at, 'resourceClaims', (claim, claimAt) => {
    if ((claim.name ?? '') === '') return claimAt.child('name').required();
    checkText(isDnsLabel, claim.name, claimAt.child('name'));
    if (names.has(claim.name)) claimAt.child('name').duplicate(claim.name);
    names.add(claim.name);
    const { resourceClaimName: claimName, resourceClaimTemplateName: template } = claim;
    if (claimName !== undefined && template !== undefined) {
      claimAt.invalid(claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    } else if (claimName === undefined && template === undefined) {
      claimAt.invalid(claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    }
    if (claimName !== undefined) checkText(isDnsSubdomain, claimName, claimAt.child('resourceClaimName'));
    if (template !== undefined) checkText(isDnsSubdomain, template, claimAt.child('resourceClaimTemplateName'));
  });
  return names;
}
