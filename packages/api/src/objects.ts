import { assert } from '@keelson/base';
import type { Condition, OwnerReference } from './generated/meta/v1.ts';
import { apiVersionOf, type Kind, type KubernetesObject } from './kind.ts';
import { formatTime } from './time.ts';

export function nameOf(object: KubernetesObject): string {
  return object.metadata?.name ?? '';
}

/** Empty for cluster-scoped objects. */
export function namespaceOf(object: KubernetesObject): string {
  return object.metadata?.namespace ?? '';
}

export function uidOf(object: KubernetesObject): string {
  const uid = object.metadata?.uid;
  assert(uid !== undefined, `object "${nameOf(object)}" comes from a server and has a uid`);
  return uid;
}

/** `namespace/name`, or `name` alone for cluster-scoped objects. */
export function keyOf(object: KubernetesObject): string {
  const namespace = namespaceOf(object);
  return namespace === '' ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

/** The owner that manages the object, if any. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export function isOwnedBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return object.metadata?.ownerReferences?.some((reference) => reference.uid === owner.metadata?.uid) ?? false;
}

/** A reference that makes `owner` the managing controller of what carries it. */
export function controllerReference(owner: KubernetesObject, kind: Kind): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: nameOf(owner),
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** What conditions of all kinds share. */
export interface ConditionLike {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
}

export function findCondition<T extends ConditionLike>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** `conditions` with this one put in its place; its `lastTransitionTime` is now if the status changed, else what it was. */
export function setCondition<T extends ConditionLike = Condition>(
  conditions: readonly T[] | undefined,
  condition: T,
  nowMs: number,
): T[] {
  const old = findCondition(conditions, condition.type);
  const since = old?.status === condition.status ? old.lastTransitionTime : undefined;
  const next = { ...condition, lastTransitionTime: since ?? condition.lastTransitionTime ?? formatTime(nowMs) };
  if (!old) return [...(conditions ?? []), next];
  return (conditions ?? []).map((other) => (other.type === condition.type ? next : other));
}

/** Hot path: equal as JSON values: the order of keys does not count, and a key without a value is no key. Nothing is allocated. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a)) return Array.isArray(b) && equalItems(a, b);
  return !Array.isArray(b) && equalRecords(a as Record<string, unknown>, b as Record<string, unknown>);
}

function equalItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (!deepEqual(a[at], b[at])) return false;
  return true;
}

function equalRecords(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let count = 0;
  for (const key in a) {
    if (a[key] === undefined) continue;
    count += 1;
    if (!Object.hasOwn(b, key) || !deepEqual(a[key], b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined) count -= 1;
  return count === 0;
}

/** Hot path: freezes a JSON value all the way down, and returns it. Stops at what is frozen already. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) deepFreeze<unknown>(value[at]);
  } else {
    for (const key in value) deepFreeze(value[key]);
  }
  return value;
}

/** Kubernetes' alphabet of generated names: no vowels, and nothing that looks like another character. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** Random characters for a generated name. */
export function randomSuffix(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => SAFE[byte % SAFE.length]).join('');
}

/** 32-bit FNV-1a of a text's UTF-8 bytes, written in the safe alphabet: how hashes end up in names and labels. */
export function safeHash(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return Array.from(String(hash >>> 0), (digit) => SAFE[digit.charCodeAt(0) % SAFE.length]).join('');
}
