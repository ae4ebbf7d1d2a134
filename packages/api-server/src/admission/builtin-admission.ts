import type { AdmissionMutator, AdmissionValidator } from './admission.ts';
import { CertificateApproval, CertificateSigning, CertificateSubjectRestriction } from './certificate-requests.ts';
import { DefaultIngressClass } from './default-ingress-class.ts';
import { DefaultStorageClass } from './default-storage-class.ts';
import { DefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { LimitRanger } from './limit-ranger.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { PriorityAdmission } from './priority.ts';
import { NodeRestriction } from './node-restriction/node-restriction.ts';
import { MutatingPolicies } from './policies/mutating-policies.ts';
import { PolicyTypeChecking } from './policies/type-checking.ts';
import { ValidatingPolicies } from './policies/validating-policies.ts';
import { ResourceQuotaAdmission } from './quota/resource-quota.ts';
import { RuntimeClassAdmission } from './runtime-class.ts';
import { ServiceAccountAdmission } from './service-account.ts';
import { MutatingWebhooks } from './webhooks/mutating-webhooks.ts';
import { ValidatingWebhooks } from './webhooks/validating-webhooks.ts';
import { StorageObjectInUseProtection } from './storage-in-use.ts';
import type { WebhookSources } from './webhooks/webhook-caller.ts';

/** Names of the admission plugins that are always there. */
export type BuiltinAdmission =
  | 'NamespaceLifecycle'
  | 'NodeRestriction'
  | 'ServiceAccount'
  | 'DefaultTolerationSeconds'
  | 'Priority'
  | 'RuntimeClass'
  | 'DefaultIngressClass'
  | 'DefaultStorageClass'
  | 'StorageObjectInUseProtection'
  | 'CertificateApproval'
  | 'CertificateSigning'
  | 'CertificateSubjectRestriction'
  | 'MutatingAdmissionPolicy'
  | 'LimitRanger'
  | 'ResourceQuota'
  | 'MutatingAdmissionWebhook'
  | 'ValidatingAdmissionPolicy'
  | 'ValidatingAdmissionWebhook';

/** What changes objects on their way in, unless it is switched off by name. */
export function builtinMutators(services: WebhookSources, disabled: ReadonlySet<string>): AdmissionMutator[] {
  const all = [
    new NodeRestriction(services),
    new LimitRanger(services),
    new ServiceAccountAdmission(services),
    new DefaultTolerationSeconds(),
    new PriorityAdmission(services),
    new RuntimeClassAdmission(services),
    new DefaultIngressClass(services),
    new DefaultStorageClass(services),
    new StorageObjectInUseProtection(),
    new PolicyTypeChecking(services),
    new MutatingPolicies(services),
    new MutatingWebhooks(services),
  ];
  return all.filter(({ name }) => !disabled.has(name));
}

/** What judges them. */
export function builtinValidators(services: WebhookSources, disabled: ReadonlySet<string>): AdmissionValidator[] {
  const all = [
    new NamespaceLifecycle(services),
    new NodeRestriction(services),
    new LimitRanger(services),
    new CertificateApproval(services),
    new CertificateSigning(services),
    new CertificateSubjectRestriction(),
    new ValidatingPolicies(services, services.authorizer),
    new ValidatingWebhooks(services),
  ];
  return all.filter(({ name }) => !disabled.has(name));
}

/** What judges them after everybody else: it counts what is let in, so nobody may refuse it after that. */
export function builtinCounters(services: WebhookSources, disabled: ReadonlySet<string>): AdmissionValidator[] {
  return [new ResourceQuotaAdmission(services)].filter(({ name }) => !disabled.has(name));
}

/** Metrics of those that have some. */
export function admissionMetrics(plugins: readonly (AdmissionMutator | AdmissionValidator)[]): string {
  return plugins.map((plugin) => plugin.metricsText?.() ?? '').join('');
}
