import { isDnsLabel, isDnsSubdomain } from '@keelson/api';
import type { NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from '@keelson/api/flowcontrol/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkNamed, checkPresent } from '../../validation/checks.ts';
import { checkEach, type Field } from '../../validation/field.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
const SUBJECT_FIELDS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;
const NAMESPACE_HINT = "each member of this list must be '*' or a DNS-1123 label; ";

/** Which requests a FlowSchema is about. */
export function checkFlowRules(rules: readonly PolicyRulesWithSubjects[] | undefined, parent: Field): void {
  checkEach(rules, parent, 'rules', (rule, at) => {
    const { subjects = [], resourceRules = [], nonResourceRules = [] } = asSent(rule);
    if (subjects.length === 0) at.child('subjects').required('subjects must contain at least one value');
    checkEach(subjects, at, 'subjects', checkSubject);
    if (resourceRules.length + nonResourceRules.length === 0)
      at.required('at least one of resourceRules and nonResourceRules has to be non-empty');
    checkEach(resourceRules, at, 'resourceRules', checkResourceRule);
    checkEach(nonResourceRules, at, 'nonResourceRules', checkNonResourceRule);
  });
}

function checkSubject(subject: Subject, at: Field): void {
  const { kind = '' } = asSent(subject);
  if (kind !== 'Group' && kind !== 'ServiceAccount' && kind !== 'User') return at.child('kind').notSupported(kind, SUBJECT_KINDS);
  const own = SUBJECT_FIELDS[kind];
  const part = subject[own];
  if (part === undefined) at.child(own).required(`${own} is required when subject kind is '${kind}'`);
  else checkPresent(part.name, at.child(own), 'name');
  if (kind === 'ServiceAccount' && subject.serviceAccount !== undefined) checkAccount(subject.serviceAccount, at.child(own));
  for (const [otherKind, other] of Object.entries(SUBJECT_FIELDS)) {
    if (other !== own && subject[other] !== undefined)
      at.child(other).forbidden(`${other} is forbidden when subject kind is not '${otherKind}'`);
  }
}

function checkAccount({ name, namespace }: NonNullable<Subject['serviceAccount']>, at: Field): void {
  if (name !== '*') checkNamed(isDnsSubdomain, name, at, 'name');
  if ((namespace ?? '') === '') at.child('namespace').required('must specify namespace for service account');
  else checkNamed(isDnsLabel, namespace, at, 'namespace');
}

function checkResourceRule(rule: ResourcePolicyRule, at: Field): void {
  const { verbs = [], apiGroups = [], resources = [], namespaces = [], clusterScope = false } = asSent(rule);
  checkVerbs(verbs, at.child('verbs'));
  const anyAlone = (values: readonly string[], what: string, field: Field): void => {
    if (values.length > 1 && values.includes('*')) field.invalid(values, `if '*' is present, must not specify other ${what}`);
  };
  if (apiGroups.length === 0) at.child('apiGroups').required('resource rules must supply at least one api group');
  anyAlone(apiGroups, 'api groups', at.child('apiGroups'));
  if (resources.length === 0) at.child('resources').required('resource rules must supply at least one resource');
  anyAlone(resources, 'resources', at.child('resources'));
  if (namespaces.length === 0 && !clusterScope)
    at.child('namespaces').required('resource rules that are not cluster scoped must supply at least one namespace');
  anyAlone(namespaces, 'namespaces', at.child('namespaces'));
  if (namespaces.includes('*')) return;
  checkEach(namespaces, at, 'namespaces', (namespace, namespaceAt) => {
    for (const message of isDnsLabel(namespace)) namespaceAt.invalid(namespace, NAMESPACE_HINT + message);
  });
}

function checkVerbs(verbs: readonly string[], at: Field): void {
  if (verbs.length === 0) return at.required('verbs must contain at least one value');
  if (verbs.includes('*')) {
    if (verbs.length > 1) at.invalid(verbs, "if '*' is present, must not specify other verbs");
  } else if (verbs.some((verb) => !VERBS.includes(verb))) {
    at.notSupported(verbs, VERBS);
  }
}

function checkNonResourceRule(rule: NonResourcePolicyRule, at: Field): void {
  const { verbs = [], nonResourceURLs = [] } = asSent(rule);
  checkVerbs(verbs, at.child('verbs'));
  const urls = at.child('nonResourceURLs');
  if (nonResourceURLs.length === 0) return urls.required('nonResourceURLs must contain at least one value');
  if (nonResourceURLs.includes('*')) {
    if (nonResourceURLs.length > 1) urls.invalid(nonResourceURLs, "if '*' is present, must not specify other non-resource URLs");
    return;
  }
  checkEach(nonResourceURLs, at, 'nonResourceURLs', (url, urlAt) => {
    const problem = urlProblem(url);
    if (problem !== undefined) urlAt.invalid(url, problem);
  });
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const isSuffix = url.indexOf('*') === url.length - 1 && url.endsWith('/*');
  return url.includes('*') && !isSuffix ? 'wildcard can only do suffix matching' : undefined;
}
