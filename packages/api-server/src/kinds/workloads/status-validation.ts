import { checkNonNegative } from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';

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
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
] as const;

type Counts = Readonly<Partial<Record<(typeof COUNTS)[number], number | undefined>>>;

const PARTS = [
  ['fullyLabeledReplicas', 'replicas'],
  ['updatedReplicas', 'replicas'],
  ['readyReplicas', 'replicas'],
  ['availableReplicas', 'replicas'],
  ['availableReplicas', 'readyReplicas'],
] as const;

interface Workload {
  readonly status?: Counts | undefined;
}

/** Numbers of replicas: none is negative, no part is greater than the whole, and collisions of names are only ever counted up. */
export function validateStatusCounts({ status }: Workload, { status: old }: Workload): readonly FieldError[] {
  return Field.collect((root) => {
    if (status === undefined) return;
    const at = root.child('status');
    for (const name of COUNTS) checkNonNegative(status[name], at, name);
    for (const [part, whole] of PARTS) {
      const count = status[part];
      if (count !== undefined && count > (status[whole] ?? 0))
        at.child(part).invalid(count, `cannot be greater than ${WORDS[whole]}`);
    }
    if (old?.collisionCount === undefined) return;
    const { collisionCount = 0 } = status;
    if (status.collisionCount === undefined || collisionCount < old.collisionCount)
      at.child('collisionCount').invalid(collisionCount, 'cannot be decremented');
  });
}

const WORDS = { replicas: 'status.replicas', readyReplicas: 'readyReplicas' } as const;
