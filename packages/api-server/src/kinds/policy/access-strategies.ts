import { isPathSegmentName, isDnsSubdomain } from '@keelson/api';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '@keelson/api/rbac/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkNamed, checkPresent, checkText } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';

const GROUP = 'rbac.authorization.k8s.io';
const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];

const COMMON = { nameRule: 'path-segment', allowCreateOnUpdate: true, allowUnconditionalUpdate: true } as const;

export const roleStrategy: Strategy<Role> = {
  ...COMMON,
  validate: ({ rules }) => Field.collect((at) => checkEach(rules, at, 'rules', (rule, ruleAt) => checkRule(rule, true, ruleAt))),
};

export const clusterRoleStrategy: Strategy<ClusterRole> = {
  ...COMMON,
  validate: ({ rules, aggregationRule }) =>
    Field.collect((at) => {
      checkEach(rules, at, 'rules', (rule, ruleAt) => checkRule(rule, false, ruleAt));
      if (aggregationRule === undefined) return;
      const selectors = aggregationRule.clusterRoleSelectors ?? [];
      if (selectors.length === 0)
        at.child('aggregationRule')
          .child('clusterRoleSelectors')
          .required('at least one clusterRoleSelector required if aggregationRule is non-nil');
      checkEach(selectors, at.child('aggregationRule'), 'clusterRoleSelectors', checkLabelSelector);
    }),
};

function checkRule(rule: PolicyRule, isNamespaced: boolean, at: Field): void {
  const { verbs = [], apiGroups = [], resources = [], nonResourceURLs = [] } = asSent(rule);
  if (verbs.length === 0) at.child('verbs').required('verbs must contain at least one value');
  if (nonResourceURLs.length > 0) {
    if (isNamespaced) at.child('nonResourceURLs').invalid(nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs');
    if (apiGroups.length + resources.length + (rule.resourceNames ?? []).length > 0) {
      at.child('nonResourceURLs').invalid(nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs');
    }
    return;
  }
  if (apiGroups.length === 0) at.child('apiGroups').required('resource rules must supply at least one api group');
  if (resources.length === 0) at.child('resources').required('resource rules must supply at least one resource');
}

type Binding = Pick<ClusterRoleBinding | RoleBinding, 'roleRef' | 'subjects'>;

function bindingStrategy<T extends Binding & { metadata?: object | undefined }>(
  roleKinds: readonly string[],
  isNamespaced: boolean,
): Strategy<T & RoleBinding> {
  return {
    ...COMMON,
    setDefaults: setBindingDefaults,
    validate: (binding) =>
      Field.collect((at) => {
        checkRoleRef(binding, roleKinds, at.child('roleRef'));
        checkEach(binding.subjects, at, 'subjects', (subject, subjectAt) => checkSubject(subject, isNamespaced, subjectAt));
      }),
    validateUpdate: (binding, old) =>
      Field.collect((at) => {
        if (!sameJson(binding.roleRef, old.roleRef))
          at.child('roleRef').invalid(shownReference(binding), 'cannot change roleRef');
      }),
  };
}

/** As upstream shows it. */
function shownReference({ roleRef }: Binding): unknown {
  const { apiGroup = '', kind = '', name = '' } = asSent(roleRef);
  return { APIGroup: apiGroup, Kind: kind, Name: name };
}

function setBindingDefaults(binding: Binding): void {
  if (binding.roleRef !== undefined) binding.roleRef.apiGroup ||= GROUP;
  for (const subject of binding.subjects ?? []) {
    if (subject.apiGroup === undefined && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP;
  }
}

function checkRoleRef({ roleRef }: Binding, kinds: readonly string[], at: Field): void {
  const { apiGroup = '', kind = '', name = '' } = asSent(roleRef);
  if (apiGroup !== GROUP) at.child('apiGroup').notSupported(apiGroup, [GROUP]);
  if (!kinds.includes(kind)) at.child('kind').notSupported(kind, kinds);
  if (name === '') at.child('name').required();
  else checkText(isPathSegmentName, name, at.child('name'));
}

function checkSubject(subject: Subject, isNamespaced: boolean, at: Field): void {
  checkPresent(subject.name, at, 'name');
  if (subject.kind === 'ServiceAccount') {
    checkNamed(isDnsSubdomain, subject.name, at, 'name');
    if ((subject.apiGroup ?? '') !== '') at.child('apiGroup').notSupported(subject.apiGroup, ['']);
    if (!isNamespaced && (subject.namespace ?? '') === '') at.child('namespace').required();
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    if (subject.apiGroup !== GROUP) at.child('apiGroup').notSupported(subject.apiGroup, [GROUP]);
  } else {
    at.child('kind').notSupported(subject.kind ?? '', SUBJECT_KINDS);
  }
}

export const roleBindingStrategy = bindingStrategy<RoleBinding>(['Role', 'ClusterRole'], true);
export const clusterRoleBindingStrategy = bindingStrategy<ClusterRoleBinding>(['ClusterRole'], false);
