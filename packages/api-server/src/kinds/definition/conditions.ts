import type { CustomResourceDefinitionCondition, CustomResourceDefinitionStatus } from '@keelson/api/apiextensions/v1';

type Status = CustomResourceDefinitionStatus;
type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>;

export function conditionOf(status: Readonly<Status> | undefined, type: string): CustomResourceDefinitionCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isTrue(status: Readonly<Status> | undefined, type: string): boolean {
  return conditionOf(status, type)?.status === 'True';
}

/** The status with the condition; what is unchanged keeps its time. */
export function setCondition(status: Readonly<Status>, condition: Condition, now: string): Status {
  const before = conditionOf(status, condition.type);
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  const set: CustomResourceDefinitionCondition = { ...before, ...condition, lastTransitionTime };
  const conditions = status.conditions ?? [];
  return { ...status, conditions: before ? conditions.map((each) => (each === before ? set : each)) : [...conditions, set] };
}
