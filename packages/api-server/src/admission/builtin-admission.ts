import type { Services } from '../verbs/call.ts';
import type { AdmissionMutator, AdmissionValidator } from './admission.ts';
import { NamespaceLifecycle } from './namespace-lifecycle.ts';

/** What upstream does by default to objects on their way in. */
export function builtinMutators(_services: Services): AdmissionMutator[] {
  return [];
}

export function builtinValidators(services: Services): AdmissionValidator[] {
  return [new NamespaceLifecycle(services)];
}
