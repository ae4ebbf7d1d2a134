import { allowsNode, nameOf, untoleratedTaint } from '@keelson/api';
import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Node } from '@keelson/api/core/v1';
import { daemonTolerations } from './daemon-pod.ts';

/** Whether a daemon belongs on a node. */
export interface Eligibility {
  readonly shouldRun: boolean;
  /** A pod that is there may stay. So it may on a node that takes no new pods, but does not drive out those it has. */
  readonly mayStay: boolean;
}

const NO: Eligibility = { shouldRun: false, mayStay: false };

/** By the name that the template asks for, its node selector and affinity, and the taints of the node. Resources do not count. */
export function eligibilityOf(set: DaemonSet, node: Node): Eligibility {
  const spec = set.spec?.template?.spec;
  if (!spec || (spec.nodeName ?? nameOf(node)) !== nameOf(node)) return NO;
  if (!allowsNode({ spec }, node)) return NO;
  const tolerations = daemonTolerations(spec);
  const isTolerated = (...effects: string[]): boolean => !untoleratedTaint(node.spec?.taints, tolerations, effects);
  return { shouldRun: isTolerated('NoExecute', 'NoSchedule'), mayStay: isTolerated('NoExecute') };
}
