import { isDns1035Label, isDnsSubdomain, isValidPortNumber } from '@keelson/api';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ServiceReference,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '@keelson/api/admissionregistration/v1';
import { loadCel } from '@keelson/cel';
import { admissionEnvironment } from '../../admission/dynamic/expressions.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { checkOptionalChoice } from '../../validation/checks.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkMatchConditions } from './expression-validation.ts';
import { contentChanged } from '../policy/scheduling-strategies.ts';
import {
  checkRule,
  FAILURE_POLICIES,
  MATCH_POLICIES,
  REINVOCATION,
  setMatchDefaults,
  setRuleDefaults,
} from './rule-validation.ts';

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const FORM = '; desired format: https://host[/path]';

type Webhook = MutatingWebhook | ValidatingWebhook;

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
  checkReviewVersions(webhook.admissionReviewVersions ?? [], at.child('admissionReviewVersions'));
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
  if (webhook.matchConditions !== undefined) checkMatchConditions(webhook.matchConditions, at, admissionEnvironment({}));
}

function checkQualifiedDomain(name: string | undefined, at: Field): void {
  if (name === undefined || name === '') return at.required();
  const messages = isDnsSubdomain(name);
  if (messages.length > 0) return at.invalid(name, messages.join(','));
  if (name.split('.').length < 3) at.invalid(name, 'should be a domain with at least three segments separated by dots');
}

function checkReviewVersions(versions: readonly string[], at: Field): void {
  if (versions.length === 0) return at.required('must specify one of v1, v1beta1');
  const unique = new Unique();
  for (const [position, version] of versions.entries()) {
    if (!unique.add(version)) at.index(position).invalid(version, 'duplicate version');
    else for (const message of isDns1035Label(version)) at.index(position).invalid(version, message);
  }
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    at.invalid(versions, 'must include at least one of v1, v1beta1');
}

function checkClientConfig({ clientConfig }: Webhook, at: Field): void {
  const { url, service } = clientConfig ?? {};
  if ((url === undefined) === (service === undefined)) return at.required('exactly one of url or service is required');
  if (url !== undefined) checkUrl(url, at.child('url'));
  if (service !== undefined) checkServiceReference(service, at.child('service'));
}

function checkUrl(text: string, at: Field): void {
  const [, scheme = '', rest = text] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  if (scheme !== 'https') at.invalid(scheme, `'https' is the only allowed URL scheme${FORM}`);
  const [, authority = ''] = /^\/\/([^/?#]*)/.exec(rest) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (host === '') at.invalid('', `host must be specified${FORM}`);
  if (authority.includes('@'))
    at.invalid(authority.slice(0, authority.lastIndexOf('@')), 'user information is not permitted in the URL');
  const [beforeFragment = '', fragment = ''] = rest.split('#');
  const [, query = ''] = beforeFragment.split('?');
  if (fragment !== '') at.invalid(fragment, 'fragments are not permitted in the URL');
  if (query !== '') at.invalid(query, 'query parameters are not permitted in the URL');
}

function checkServiceReference({ name = '', namespace = '', port = 443, path }: Partial<ServiceReference>, at: Field): void {
  if (name === '') at.child('name').required('service name is required');
  if (namespace === '') at.child('namespace').required('service namespace is required');
  const messages = isValidPortNumber(port);
  if (messages.length > 0) at.child('port').invalid(port, `port is not valid: ${messages.join(',')}`);
  if (path !== undefined) checkServicePath(path, at.child('path'));
}

function checkServicePath(path: string, at: Field): void {
  if (path === '' || path === '/') return;
  if (!path.startsWith('/')) at.invalid(path, "must start with a '/'");
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  for (const [position, step] of steps.entries()) {
    if (step === '') at.invalid(path, `segment[${position}] may not be empty`);
    else for (const message of isDnsSubdomain(step)) at.invalid(path, `segment[${position}]: ${message}`);
  }
}
