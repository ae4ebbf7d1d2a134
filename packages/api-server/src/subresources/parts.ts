import { type KubernetesObject, cloneJson } from '@keelson/api';
import type { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import type { Namespace, Pod } from '@keelson/api/core/v1';
import {
  preparePodEphemeralContainers,
  preparePodResize,
  validateApproval,
  validatePodEphemeralContainers,
  validatePodResize,
} from '../kinds/index.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { OwnablePath } from '../managed-fields/ownable-fields.ts';
import type { SubresourcePart } from '../verbs/update.ts';

/** What a subresource may change, written for one kind. */
function part<T extends KubernetesObject>(
  ownable: readonly OwnablePath[],
  prepare: (object: T, old: Readonly<T>) => T,
  validate?: (object: T, old: Readonly<T>) => readonly FieldError[],
): SubresourcePart {
  // The path has chosen the kind.
  return {
    ownable,
    prepare: (object, old) => prepare(object as T, old as Readonly<T>),
    ...(validate && { validate: (object, old) => validate(object as T, old as Readonly<T>) }),
  };
}

export const ephemeralContainersPart = part<Pod>(
  [['f:spec', 'f:ephemeralContainers']],
  (pod, old) => {
    preparePodEphemeralContainers(pod, old);
    return pod;
  },
  validatePodEphemeralContainers,
);

const RESIZABLE = ['f:containers', 'f:initContainers'].flatMap((list) =>
  ['f:resources', 'f:resizePolicy'].map((field) => ['f:spec', list, '*', field]),
);

export const resizePart = part<Pod>(
  [...RESIZABLE, ['f:spec', 'f:resources']],
  (pod, old) => {
    preparePodResize(pod, old);
    return pod;
  },
  validatePodResize,
);

/** Of a namespace's `/finalize`, only the finalizers in the spec count. */
export const finalizePart = part<Namespace>([['f:spec']], (namespace, old) => {
  const next: Namespace = cloneJson(old);
  const finalizers = namespace.spec?.finalizers;
  if (finalizers === undefined || finalizers.length === 0) delete next.spec;
  else next.spec = { ...next.spec, finalizers };
  return next;
});

/** Of a request's `/approval`, conditions count, those that approve or deny it and any others, and what it says about itself. */
export const approvalPart = part<CertificateSigningRequest>(
  [
    ['f:metadata', 'f:labels'],
    ['f:metadata', 'f:annotations'],
    ['f:status', 'f:conditions'],
  ],
  (request, old) => {
    const next: CertificateSigningRequest = cloneJson(old);
    const { conditions } = request.status ?? {};
    next.status = { ...next.status, ...(conditions && { conditions }) };
    if (!conditions) delete next.status.conditions;
    const { labels, annotations } = request.metadata ?? {};
    next.metadata = { ...next.metadata, labels, annotations };
    return next;
  },
  validateApproval,
);
