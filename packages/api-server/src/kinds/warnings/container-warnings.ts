import { parseQuantity } from '@keelson/api';
import type { Container, EnvVar, EphemeralContainer, PodSpec } from '@keelson/api/core/v1';
import type { ObjectMeta } from '@keelson/api/meta/v1';
import type { Field } from '../../validation/field.ts';

const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const BYTES = ['memory', 'ephemeral-storage'];
/** What a quantity has in it that may be a fraction. */
const MAYBE_FRACTION = /[.mnu]|e-/i;

/** All containers of a pod, with their places. */
export function* containersIn(spec: PodSpec, at: Field): Generator<[container: Container | EphemeralContainer, at: Field]> {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [position, container] of (spec[list] ?? []).entries()) yield [container, at.child(list).index(position)];
  }
}

/** Annotations where there are fields, fractions of bytes, and variables that hide others. */
export function containerWarnings(spec: PodSpec, { annotations }: ObjectMeta, at: Field): readonly string[] {
  const warnings: string[] = [];
  const annotationsAt = at.child('metadata').child('annotations');
  for (const [{ name = '', securityContext, resources, env }, place] of containersIn(spec, at.child('spec'))) {
    if (annotations?.[SECCOMP_CONTAINER + name] !== undefined && securityContext?.seccompProfile === undefined) {
      const key = annotationsAt.key(SECCOMP_CONTAINER + name);
      warnings.push(`${key}: non-functional in v1.27+; use the "seccompProfile" field instead`);
    }
    const appArmor = spec.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile;
    if (annotations?.[APPARMOR + name] !== undefined && appArmor === undefined) {
      const key = annotationsAt.key(APPARMOR + name);
      warnings.push(`${key}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    }
    for (const resource of BYTES) {
      for (const list of ['limits', 'requests'] as const)
        warnings.push(
          ...fractionWarning(resources?.[list]?.[resource], () => place.child('resources').child(list).key(resource)),
        );
    }
    if (env !== undefined && env.length > 1) warnings.push(...hidingWarnings(env, place.child('env')));
  }
  return warnings;
}

/** Of an amount of bytes that is no integer. `at` is only asked if there is something to say. */
export function fractionWarning(amount: string | undefined, at: () => Field): readonly string[] {
  if (amount === undefined || !MAYBE_FRACTION.test(amount)) return [];
  const quantity = parseQuantity(amount);
  if (BigInt(quantity.milliValue()) % 1000n === 0n) return [];
  return [`${at()}: fractional byte value ${JSON.stringify(quantity.toString())} is invalid, must be an integer`];
}

/** A variable may be given again as long as it builds on what it was. */
function hidingWarnings(env: readonly EnvVar[], list: Field): readonly string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name = '', value = '', valueFrom }, position) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const reference = `$(${name})`;
    if (valueFrom === undefined && value !== reference && value.includes(reference)) return [];
    const what = `hides previous definition of ${JSON.stringify(name)}`;
    return [`${list.index(position)}: ${what}, which may be dropped when using apply`];
  });
}
