import { isPathSegmentName } from '@keelson/api';
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '@keelson/api/admissionregistration/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkChoice, checkOptionalChoice, checkText } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';

export const FAILURE_POLICIES: readonly string[] = ['Fail', 'Ignore'];
export const MATCH_POLICIES: readonly string[] = ['Equivalent', 'Exact'];
export const REINVOCATION: readonly string[] = ['IfNeeded', 'Never'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

interface Match {
  matchPolicy?: string | undefined;
  namespaceSelector?: object | undefined;
  objectSelector?: object | undefined;
}

/** Defaults of everything that says which requests are meant: webhooks' and policies' rules. */
export function setMatchDefaults(match: Match): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
}

export function setRuleDefaults(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

export function setResourceRuleDefaults(match: MatchResources | undefined): void {
  if (match === undefined) return;
  setMatchDefaults(match);
  setRuleDefaults(match.resourceRules);
  setRuleDefaults(match.excludeResourceRules);
}

/** Which requests a policy is about. */
export function checkMatchResources(match: MatchResources | undefined, at: Field): void {
  if (match === undefined) return;
  checkChoice(match.matchPolicy, MATCH_POLICIES, () => at.child('matchPolicy'));
  checkLabelSelector(match.namespaceSelector, at.child('namespaceSelector'));
  checkLabelSelector(match.objectSelector, at.child('objectSelector'));
  checkEach(match.resourceRules, at, 'resourceRules', checkNamedRule);
  checkEach(match.excludeResourceRules, at, 'excludeResourceRules', checkNamedRule);
}

function checkNamedRule(rule: NamedRuleWithOperations, at: Field): void {
  const names = new Unique();
  checkEach(rule.resourceNames, at, 'resourceNames', (name, nameAt) => {
    checkText(isPathSegmentName, name, nameAt);
    if (!names.add(name)) nameAt.duplicate(name);
  });
  checkRule(rule, at);
}

export function checkRule(rule: RuleWithOperations, at: Field): void {
  const operations = textsOf(rule.operations);
  if (operations.length === 0) at.child('operations').required();
  checkAnyAlone(operations, 'operations', at.child('operations'));
  checkEach(operations, at, 'operations', (operation, operationAt) => {
    if (!OPERATIONS.includes(operation)) operationAt.notSupported(operation, OPERATIONS);
  });
  const { apiGroups = [], apiVersions = [], resources = [] } = asSent(rule);
  if (apiGroups.length === 0) at.child('apiGroups').required();
  checkAnyAlone(apiGroups, 'API groups', at.child('apiGroups'));
  if (apiVersions.length === 0) at.child('apiVersions').required();
  checkAnyAlone(apiVersions, 'API versions', at.child('apiVersions'));
  checkEach(apiVersions, at, 'apiVersions', (version, versionAt) => {
    if (version === '') versionAt.required();
  });
  checkResources(resources, at.child('resources'));
  checkOptionalChoice(rule.scope, SCOPES, () => at.child('scope'));
}

function checkAnyAlone(values: readonly string[], what: string, at: Field): void {
  if (values.length > 1 && values.includes('*')) at.invalid(values, `if '*' is present, must not specify other ${what}`);
}

/** `pods`, `pods/log`, `pods/*`, `*` + `/scale`, `*`, `*` + `/*`; nothing that another one says already. */
function checkResources(resources: readonly string[], at: Field): void {
  if (resources.length === 0) return at.required();
  const wholes = new Set<string>();
  for (const [position, text] of resources.entries()) {
    if (text === '') at.index(position).required();
    const slash = text.indexOf('/');
    if (slash < 0) continue;
    const [resource, subresource] = [text.slice(0, slash), text.slice(slash + 1)];
    for (const whole of [`${resource}/*`, `*/${subresource}`]) {
      if (wholes.has(whole)) at.index(position).invalid(text, `if '${whole}' is present, must not specify ${text}`);
    }
    if (subresource === '*' || resource === '*') wholes.add(text);
  }
  if (resources.length > 1 && resources.includes('*/*'))
    at.invalid(resources, "if '*/*' is present, must not specify other resources");
  if (resources.includes('*') && resources.some((text) => text !== '*' && !text.includes('/')))
    at.invalid(resources, "if '*' is present, must not specify other resources without subresources");
}
