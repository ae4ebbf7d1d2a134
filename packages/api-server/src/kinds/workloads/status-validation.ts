import { checkNonNegative } from '../../validation/checks.ts';
import type { Field } from '../../validation/field.ts';

const COUNTS = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'fullyLabeledReplicas',
  'currentReplicas',
  'collisionCount',
  'terminatingReplicas',
] as const;

type Counts = Readonly<Partial<Record<(typeof COUNTS)[number], number | undefined>>>;

const PARTS = [
  ['fullyLabeledReplicas', 'replicas'],
  ['updatedReplicas', 'replicas'],
  ['readyReplicas', 'replicas'],
  ['availableReplicas', 'replicas'],
  ['availableReplicas', 'readyReplicas'],
] as const;

/** Numbers of replicas: none is negative, and no part is greater than the whole. */
export function checkStatusCounts(status: Counts | undefined, at: Field): void {
  if (status === undefined) return;
  for (const name of COUNTS) checkNonNegative(status[name], at, name);
  for (const [part, whole] of PARTS) {
    const count = status[part];
    if (count !== undefined && count > (status[whole] ?? 0))
      at.child(part).invalid(count, `cannot be greater than ${WORDS[whole]}`);
  }
}

const WORDS = { replicas: 'status.replicas', readyReplicas: 'readyReplicas' } as const;
