import { labelSelectorFrom, LabelSelectorMatcher, type Kind, type KubernetesObject } from '@keelson/api';
import type { LabelSelector } from '@keelson/api/meta/v1';

/** A kind whose objects own pods. */
export interface PodOwnerKind<T extends KubernetesObject> {
  readonly kind: Kind<T>;
  /** Says which pods an object may own. */
  selectorOf(owner: T): LabelSelector | undefined;
}

/** What a selector matches; nothing, if the server has let through one that cannot be read. */
export function matcherOf(selector: LabelSelector | undefined): LabelSelectorMatcher {
  try {
    return labelSelectorFrom(selector);
  } catch {
    return new LabelSelectorMatcher([], true);
  }
}
