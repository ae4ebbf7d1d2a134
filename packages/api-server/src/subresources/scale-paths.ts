import type { KubernetesObject } from '@keelson/api';
import { isRecord, setField } from '../structural/structural-schema.ts';

function stepsOf(path: string): string[] {
  return path.replace(/^\./, '').split('.');
}

/** What is at a path such as `.spec.replicas`; `undefined` if nothing is, or null. */
export function valueAt(object: Readonly<KubernetesObject>, path: string): unknown {
  let value: unknown = object;
  for (const step of stepsOf(path)) {
    if (!isRecord(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value ?? undefined;
}

/** Puts a value at a path; what is on the way is made. */
export function setAt(object: KubernetesObject, path: string, value: unknown): void {
  const steps = stepsOf(path);
  const last = steps.pop() ?? '';
  // An object has fields.
  let target = object as Record<string, unknown>;
  for (const step of steps) {
    const known = Object.hasOwn(target, step) ? target[step] : undefined;
    const next: Record<string, unknown> = isRecord(known) ? known : {};
    if (next !== known) setField(target, step, next);
    target = next;
  }
  setField(target, last, value);
}
