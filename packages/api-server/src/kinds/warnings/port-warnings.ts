import type { ContainerPort, PodSpec } from '@keelson/api/core/v1';
import type { Field } from '../../validation/field.ts';
import { containersIn } from './container-warnings.ts';

interface Port {
  readonly hostPort: number;
  readonly hostIP: string;
  readonly at: Field;
}

/** Of ports of a pod's containers that are there twice, or as good as twice. */
export function portWarnings(spec: PodSpec, at: Field): readonly string[] {
  const warnings: string[] = [];
  const known = new Map<string, Port[]>();
  for (const [{ ports = [] }, containerAt] of containersIn(spec, at)) {
    for (const [position, port] of ports.entries()) {
      const { hostPort = 0, hostIP = '', containerPort = 0, protocol = 'TCP' } = port;
      const place = containerAt.child('ports').index(position);
      if (hostIP !== '' && hostPort === 0) warnings.push(`${place}: hostIP set without hostPort: ${asGoPrints(port)}`);
      const key = `${containerPort}/${protocol}`;
      const same = known.get(key) ?? [];
      const mine = { hostPort, hostIP, at: place };
      for (const other of same) {
        const clash = clashOf(mine, other);
        if (clash !== undefined) warnings.push(`${place}: ${clash} port definition with ${other.at}`);
      }
      known.set(key, [...same, mine]);
    }
  }
  return warnings;
}

function clashOf(one: Port, other: Port): string | undefined {
  if (one.hostIP === other.hostIP && one.hostPort === other.hostPort) return 'duplicate';
  // Any other port of the host says more than none.
  if (one.hostPort === 0 || other.hostPort === 0) return 'overlapping';
  const isOnlyOneOfAll = (one.hostIP === '') !== (other.hostIP === '');
  return one.hostPort === other.hostPort && isOnlyOneOfAll ? 'dangerously ambiguous' : undefined;
}

function asGoPrints({ name = '', hostPort = 0, containerPort = 0, protocol = '', hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}
