import type { HorizontalPodAutoscalerSpec } from '@keelson/api/autoscaling/v2';
import { downLimit, upLimit, type Past } from './scaling-rules.ts';

export interface Limited {
  readonly replicas: number;
  readonly reason: 'DesiredWithinRange' | 'ScaleUpLimit' | 'TooManyReplicas' | 'ScaleDownLimit' | 'TooFewReplicas';
}

/** Without a behaviour of its own, an autoscaler may double what there is, and always go up to this many. */
const LEAST_UP = 4;

/** What is wanted, within what the autoscaler and its rules allow. */
export function withinLimits(
  desired: number,
  current: number,
  { spec, past }: { spec: HorizontalPodAutoscalerSpec; past: Past },
): Limited {
  const { behavior, maxReplicas, minReplicas = 1 } = spec;
  if (!behavior) return withinDefaults(desired, current, { min: minReplicas, max: maxReplicas });
  if (desired > current) {
    const limit = upLimit(current, behavior.scaleUp ?? {}, past);
    const highest = Math.min(maxReplicas, limit);
    if (desired > highest) return { replicas: highest, reason: maxReplicas > limit ? 'ScaleUpLimit' : 'TooManyReplicas' };
  } else if (desired < current) {
    const limit = downLimit(current, behavior.scaleDown ?? {}, past);
    const lowest = Math.max(minReplicas, limit);
    if (desired < lowest) return { replicas: lowest, reason: minReplicas < limit ? 'ScaleDownLimit' : 'TooFewReplicas' };
  }
  return { replicas: desired, reason: 'DesiredWithinRange' };
}

function withinDefaults(desired: number, current: number, { min, max }: { min: number; max: number }): Limited {
  const limit = Math.max(2 * current, LEAST_UP);
  const highest = Math.min(max, limit);
  if (desired < min) return { replicas: min, reason: 'TooFewReplicas' };
  if (desired > highest) return { replicas: highest, reason: max > limit ? 'ScaleUpLimit' : 'TooManyReplicas' };
  return { replicas: desired, reason: 'DesiredWithinRange' };
}
