import type { KubernetesObject } from '@keelson/api';
import { token } from '@keelson/base';
import type { ResourceDefinition } from './resource-definition.ts';
import type { UserInfo } from './strategy.ts';

/** A kind that is asked and not stored, such as `SubjectAccessReview`: creating one gives the answer. */
export interface VirtualResource {
  readonly group: string;
  readonly resource: string;
  /** What is served, if Kubernetes does not know the kind by itself. `virtualKind` makes one. */
  readonly definition?: ResourceDefinition;
  /** `object` is decoded and private. Gives the object to answer with. */
  create?(object: unknown, caller: VirtualCaller): Promise<unknown>;
  /** `undefined` if there is none of that name. */
  get?(name: string, caller: VirtualCaller): Promise<KubernetesObject | undefined>;
  /** Objects of a namespace, or all; those that a client's selectors leave out are left out afterwards. */
  list?(caller: VirtualCaller): Promise<readonly KubernetesObject[]>;
}

export interface VirtualCaller {
  readonly user: UserInfo;
  readonly namespace: string | undefined;
}

/** Bound many times. */
export const VIRTUAL_RESOURCE = token<VirtualResource>('@keelson/api-server:VirtualResource');
