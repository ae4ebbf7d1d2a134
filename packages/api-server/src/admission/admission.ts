import { token } from '@keelson/base';
import type { KubernetesObject } from '@keelson/api';
import type { UserInfo } from '../registry/strategy.ts';
import type { Reinvocation } from './reinvocation.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What is about to happen to an object. */
export interface AdmissionRequest<T extends KubernetesObject = KubernetesObject> {
  readonly operation: AdmissionOperation;
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly kind: string;
  /** Of the object, if that is not of the resource's kind but what its subresource takes: an eviction of a pod. */
  readonly objectKind?: { readonly group: string; readonly version: string; readonly kind: string };
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty if a name is still to be generated, or for a whole collection. */
  readonly name: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  /** In the stored version, with defaults. Absent on deletion. */
  readonly object: T | undefined;
  /** Absent on creation. */
  readonly oldObject: Readonly<T> | undefined;
  /** The options of the request, such as `DeleteOptions`. */
  readonly options: unknown;
  readonly userInfo: UserInfo;
  readonly dryRun: boolean;
  /** Adds a warning for the client. */
  readonly warn: (text: string) => void;
  /** While the request is being changed: who has to see it again. */
  readonly reinvocation?: Reinvocation;
}

/** Changes objects on their way in. Touches nothing outside the request when `dryRun` is set. */
export interface AdmissionMutator {
  readonly name: string;
  /** Gives the object to go on with: the same, changed in place, or another. */
  mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject>;
  /** What `/metrics` says of it, in Prometheus' text format. */
  metricsText?(): string;
}

/** Judges objects on their way in; rejects with `Forbidden` (or what fits better). Touches nothing outside the request. */
export interface AdmissionValidator {
  readonly name: string;
  validate(request: AdmissionRequest): Promise<void>;
  /** What `/metrics` says of it, in Prometheus' text format. */
  metricsText?(): string;
}

/** Bound many times; asked in the order of binding. */
export const ADMISSION_MUTATOR = token<AdmissionMutator>('@keelson/api-server:AdmissionMutator');
/** Bound many times; asked in the order of binding, after all mutators. */
export const ADMISSION_VALIDATOR = token<AdmissionValidator>('@keelson/api-server:AdmissionValidator');
