import type { Services } from '../verbs/call.ts';
import type { AdmissionMutator, AdmissionValidator } from './admission.ts';
import { DefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';
import { PriorityAdmission } from './priority.ts';
import type { Authorizer } from '../auth/contracts.ts';
import { ValidatingPolicies } from './policies/validating-policies.ts';
import { ServiceAccountAdmission } from './service-account.ts';

/** Names of the admission plugins that are always there. */
export type BuiltinAdmission =
  | 'NamespaceLifecycle'
  | 'ServiceAccount'
  | 'DefaultTolerationSeconds'
  | 'Priority'
  | 'ValidatingAdmissionPolicy';

type Sources = Pick<Services, 'registry' | 'storages' | 'logger'>;

/** What changes objects on their way in, unless it is switched off by name. */
export function builtinMutators(services: Sources, disabled: ReadonlySet<string>): AdmissionMutator[] {
  const all = [new ServiceAccountAdmission(services), new DefaultTolerationSeconds(), new PriorityAdmission(services)];
  return all.filter(({ name }) => !disabled.has(name));
}

/** What judges them. */
export function builtinValidators(
  services: Sources,
  disabled: ReadonlySet<string>,
  authorizer: () => Authorizer | undefined,
): AdmissionValidator[] {
  const all = [new NamespaceLifecycle(services), new ValidatingPolicies(services, authorizer)];
  return all.filter(({ name }) => !disabled.has(name));
}

/** Metrics of those that have some. */
export function admissionMetrics(plugins: readonly (AdmissionMutator | AdmissionValidator)[]): string {
  return plugins.map((plugin) => plugin.metricsText?.() ?? '').join('');
}
