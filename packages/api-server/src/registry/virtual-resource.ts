import { token } from '@keelson/base';
import type { UserInfo } from './strategy.ts';

/** A kind that is asked and not stored, such as `SubjectAccessReview`: creating one gives the answer. */
export interface VirtualResource {
  readonly group: string;
  readonly resource: string;
  /** `object` is decoded and private. Gives the object to answer with. */
  create?(object: unknown, caller: VirtualCaller): Promise<unknown>;
  /** Items of a list, for kinds that can be listed. */
  list?(caller: VirtualCaller): Promise<readonly unknown[]>;
}

export interface VirtualCaller {
  readonly user: UserInfo;
  readonly namespace: string | undefined;
}

/** Bound many times. */
export const VIRTUAL_RESOURCE = token<VirtualResource>('@keelson/api-server:VirtualResource');
