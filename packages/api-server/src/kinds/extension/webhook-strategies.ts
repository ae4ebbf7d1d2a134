import { isDnsSubdomain } from '@keelson/api';
import { loadCel } from '@keelson/cel';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '@keelson/api/admissionregistration/v1';
import { admissionEnvironment } from '../../admission/dynamic/expressions.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { checkOptionalChoice, checkPresent, checkText } from '../../validation/checks.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkMatchConditions } from './expression-validation.ts';
import { contentChanged } from '../policy/scheduling-strategies.ts';

const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REINVOCATION = ['IfNeeded', 'Never'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

type Webhook = MutatingWebhook | ValidatingWebhook;

/** Defaults of everything that says which requests are meant: webhooks' and policies' rules. */
export function setMatchDefaults(match: {
  matchPolicy?: string | undefined;
  namespaceSelector?: object | undefined;
  objectSelector?: object | undefined;
}): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
}

export function setRuleDefaults(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

function setWebhookDefaults(webhook: Webhook): void {
  webhook.failurePolicy ??= 'Fail';
  setMatchDefaults(webhook);
  webhook.timeoutSeconds ??= 10;
  setRuleDefaults(webhook.rules);
  if (webhook.clientConfig?.service !== undefined) webhook.clientConfig.service.port ??= 443;
}

const COMMON = {
  load: loadCel,
  allowUnconditionalUpdate: false,
  hasGeneration: true,
  generationChanged: contentChanged,
} as const;

export const validatingWebhookStrategy: Strategy<ValidatingWebhookConfiguration> = {
  ...COMMON,
  setDefaults: ({ webhooks }) => (webhooks ?? []).forEach(setWebhookDefaults),
  validate: ({ webhooks }) => Field.collect((at) => checkWebhooks(webhooks, at)),
};

export const mutatingWebhookStrategy: Strategy<MutatingWebhookConfiguration> = {
  ...COMMON,
  setDefaults({ webhooks }) {
    for (const webhook of webhooks ?? []) {
      setWebhookDefaults(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: ({ webhooks }) =>
    Field.collect((root) => {
      checkWebhooks(webhooks, root);
      checkEach(webhooks, root, 'webhooks', ({ reinvocationPolicy }, at) =>
        checkOptionalChoice(reinvocationPolicy, REINVOCATION, () => at.child('reinvocationPolicy')),
      );
    }),
};

function checkWebhooks(webhooks: readonly Webhook[] | undefined, parent: Field): void {
  const names = new Unique();
  checkEach<Webhook>(webhooks, parent, 'webhooks', (webhook, at) => {
    checkWebhook(webhook, at);
    if ((webhook.name ?? '') !== '' && !names.add(webhook.name)) at.child('name').duplicate(webhook.name);
  });
}

function checkWebhook(webhook: Webhook, at: Field): void {
  checkQualifiedDomain(webhook.name, at.child('name'));
  checkEach(webhook.rules, at, 'rules', checkRule);
  checkOptionalChoice(webhook.failurePolicy, FAILURE_POLICIES, () => at.child('failurePolicy'));
  checkOptionalChoice(webhook.matchPolicy, MATCH_POLICIES, () => at.child('matchPolicy'));
  if (webhook.sideEffects === undefined) at.child('sideEffects').required('must specify one of None, NoneOnDryRun');
  else checkOptionalChoice(webhook.sideEffects, SIDE_EFFECTS, () => at.child('sideEffects'));
  const { timeoutSeconds } = webhook;
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    at.child('timeoutSeconds').invalid(timeoutSeconds, 'the timeout value must be between 1 and 30 seconds');
  }
  checkLabelSelector(webhook.namespaceSelector, at.child('namespaceSelector'));
  checkLabelSelector(webhook.objectSelector, at.child('objectSelector'));
  checkClientConfig(webhook, at.child('clientConfig'));
  if (webhook.matchConditions) checkMatchConditions(webhook.matchConditions, at, admissionEnvironment({}));
  if ((webhook.admissionReviewVersions ?? []).length === 0) {
    at.child('admissionReviewVersions').required('must specify one of v1, v1beta1');
  } else if (!webhook.admissionReviewVersions.some((version) => version === 'v1' || version === 'v1beta1')) {
    at.child('admissionReviewVersions').invalid(webhook.admissionReviewVersions, 'must include at least one of v1, v1beta1');
  }
}

function checkQualifiedDomain(name: string | undefined, at: Field): void {
  if (name === undefined || name === '') return at.required();
  if (isDnsSubdomain(name).length > 0) return checkText(isDnsSubdomain, name, at);
  if (name.split('.').length < 3) at.invalid(name, 'should be a domain with at least three segments separated by dots');
}

function checkClientConfig({ clientConfig }: Webhook, at: Field): void {
  const { url, service } = clientConfig ?? {};
  if ((url === undefined) === (service === undefined)) return at.required('exactly one of url or service is required');
  if (url !== undefined && !url.startsWith('https://'))
    at.child('url').invalid(url, "'https' is the only allowed URL scheme; desired format: https://host[/path]");
  if (service === undefined) return;
  checkPresent(service.name, at.child('service'), 'name');
  checkPresent(service.namespace, at.child('service'), 'namespace');
}

export function checkRule(rule: RuleWithOperations, at: Field): void {
  const operations = textsOf(rule.operations);
  if (operations.length === 0) at.child('operations').required();
  for (const [position, operation] of operations.entries()) {
    if (!OPERATIONS.includes(operation)) at.child('operations').index(position).notSupported(operation, OPERATIONS);
  }
  for (const name of ['apiGroups', 'apiVersions', 'resources'] as const) {
    if ((rule[name] ?? []).length === 0) at.child(name).required();
  }
  checkOptionalChoice(rule.scope, SCOPES, () => at.child('scope'));
}
