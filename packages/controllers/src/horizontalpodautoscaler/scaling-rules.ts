import type { HPAScalingPolicy, HPAScalingRules } from '@keelson/api/autoscaling/v2';

/** A change of the number of pods that was made. */
export interface ScaleEvent {
  readonly atMs: number;
  /** How many pods more, or less; never negative. */
  readonly change: number;
}

export interface Past {
  readonly ups: readonly ScaleEvent[];
  readonly downs: readonly ScaleEvent[];
  readonly nowMs: number;
}

/** The most pods that rules let there be now. With nothing but `current` if they do not let it grow. */
export function upLimit(current: number, { policies = [], selectPolicy = 'Max' }: HPAScalingRules, past: Past): number {
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map((policy) => {
    const start = current - changeWithin(past.ups, policy, past.nowMs) + changeWithin(past.downs, policy, past.nowMs);
    return policy.type === 'Pods' ? start + policy.value : Math.ceil(start * (1 + policy.value / 100));
  });
  const limit = selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
  // What was added lately may be more than a rule that is new lets be.
  return Math.max(current, limit);
}

/** The fewest pods that rules let there be now; at most `current`. */
export function downLimit(current: number, { policies = [], selectPolicy = 'Max' }: HPAScalingRules, past: Past): number {
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map((policy) => {
    const start = current + changeWithin(past.downs, policy, past.nowMs) - changeWithin(past.ups, policy, past.nowMs);
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100));
  });
  // The policy that changes the least is the one that leaves the most.
  const limit = selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
  return Math.min(current, limit);
}

function changeWithin(events: readonly ScaleEvent[], { periodSeconds }: HPAScalingPolicy, nowMs: number): number {
  const since = nowMs - periodSeconds * 1000;
  return events.reduce((total, { atMs, change }) => (atMs > since ? total + change : total), 0);
}
