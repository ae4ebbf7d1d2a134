import type { Ingress, IngressClass } from '@keelson/api/networking/v1';

/** How classes were named before there was a field for it. */
export const LEGACY_CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
export const DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

export interface Ownership {
  /** What `spec.controller` of our classes says. */
  readonly controllerName: string;
  /** The name that the annotation may have without a class of that name. */
  readonly legacyClass: string;
}

/**
 * Whether an Ingress is for this controller: its class is one of ours. Without a class it is if one of ours is the default, since it may be
 * older than the class.
 */
export function isOwned(ingress: Ingress, classes: readonly IngressClass[], { controllerName, legacyClass }: Ownership): boolean {
  const legacy = ingress.metadata?.annotations?.[LEGACY_CLASS_ANNOTATION];
  const name = legacy ?? ingress.spec?.ingressClassName;
  const ours = classes.filter(({ spec }) => spec?.controller === controllerName);
  if (name === undefined) return ours.some(isDefaultClass);
  if (classes.some(({ metadata }) => metadata?.name === name)) return ours.some(({ metadata }) => metadata?.name === name);
  return legacy === legacyClass;
}

export function isDefaultClass({ metadata }: IngressClass): boolean {
  return metadata?.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
}
