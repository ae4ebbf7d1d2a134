import type { Node, Pod } from '@keelson/api/core/v1';
import { fitsAmong, type Rejection } from '../pod/admission.ts';
import { qosClass } from '../pod/resources.ts';
import { isCritical } from './ranking.ts';
import type { Pressure } from './thresholds.ts';

const TAINTS: Readonly<Record<Pressure, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
};

/** Pure: why a pod may not come to a node under pressure, if so. Of memory alone, it may if it asks for some of its own or tolerates it. */
export function refusedUnder(pressures: ReadonlySet<Pressure>, pod: Pod): Rejection | undefined {
  if (pressures.size === 0 || isCritical(pod)) return undefined;
  const isOnlyMemory = pressures.size === 1 && pressures.has('MemoryPressure');
  if (isOnlyMemory && (qosClass(pod) !== 'BestEffort' || tolerates(pod, TAINTS.MemoryPressure))) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${[...pressures].join(' ')}]. ` };
}

function tolerates({ spec }: Pod, taint: string): boolean {
  return (spec?.tolerations ?? []).some(
    ({ effect = 'NoSchedule', key, operator }) =>
      effect === 'NoSchedule' && (key === taint || (operator === 'Exists' && (key === undefined || key === ''))),
  );
}

const CLASSES = ['BestEffort', 'Burstable', 'Guaranteed'];

/**
 * Pure: the pods that have to go for a critical one to fit, as few and as unimportant as can be; `undefined` if it would not fit even then.
 */
export function victimsOf(pod: Pod, node: Pick<Node, 'status'>, others: readonly Pod[]): readonly Pod[] | undefined {
  const candidates = others
    .filter((other) => !isCritical(other) && (other.spec?.priority ?? 0) < (pod.spec?.priority ?? 0))
    .toSorted(
      (a, b) => CLASSES.indexOf(qosClass(a)) - CLASSES.indexOf(qosClass(b)) || (a.spec?.priority ?? 0) - (b.spec?.priority ?? 0),
    );
  const victims: Pod[] = [];
  const fits = (without: readonly Pod[]) =>
    !fitsAmong(
      pod,
      node,
      others.filter((other) => !without.includes(other)),
    );
  for (const candidate of candidates) {
    if (fits(victims)) break;
    victims.push(candidate);
  }
  if (!fits(victims)) return undefined;
  for (const victim of victims.toReversed()) {
    const fewer = victims.filter((other) => other !== victim);
    if (fits(fewer)) victims.splice(0, victims.length, ...fewer);
  }
  return victims;
}
